/*
 * model_parts - what the files that make a model from debug information share; no
 * one else includes it.
 */
#ifndef HI_ELFSCAN_MODEL_PARTS_H
#define HI_ELFSCAN_MODEL_PARTS_H

#include <elfutils/libdw.h>

#include "elfscan/dies.h"
#include "elfscan/model.h"

/* A hash table of type numbers; what two of them have in common is the caller's. */
struct hi_number_table {
	struct hi_number_slot {
		uint64_t hash;
		uint32_t number; /* 0: free */
	} * slots;
	size_t n, cap; /* cap is a power of two */
};

/* A type whose parts are still to be read. */
struct hi_todo {
	struct hi_die_place place;
	uint32_t number;
};

/* The names that types have with their scopes, and the full types by name. */
struct hi_model_names {
	struct hi_number_table units;  /* hash: of a unit; those looked at */
	struct hi_number_table scoped; /* hash: of an entry; at which place
					  of scopes is its scope */
	const char **scopes;           /* "ns::Class::" */
	size_t n_scopes, cap_scopes;
	struct hi_full_type {
		const char *name; /* without the scope */
		struct hi_die_place place;
		uint32_t scope : 30; /* of scopes, or 0 */
		uint32_t family : 2; /* struct and class; union; enum */
		uint32_t next;       /* with the same hash; 1 more, or 0 */
	} * full;
	size_t n_full, cap_full;
	uint32_t *by_name; /* a hash table of full, 1 more, or 0 */
	size_t n_by_name;  /* a power of two */
	bool all_known;    /* all units have been looked at */
	int depth;         /* units that are being read for another's sake */
};

struct hi_model_reader {
	struct hi_model *model;
	struct hi_dies *dies;
	struct hi_die_units *entries;
	struct hi_number_table by_entry; /* hash: of the entry's address */
	struct hi_number_table by_shape; /* hash: of what the type says */
	struct hi_todo *todo;
	size_t n_todo, cap_todo;
	struct hi_model_names names;
	struct hi_buf text;      /* of the name that was read last */
	const Dwarf_CU *doubted; /* the unit that was asked last, or NULL: */
	bool is_doubtful;        /* it does not mark what is defaulted */
	bool is_strict;          /* it does not tell alignments */
	int language;            /* of the first unit, or 0: not asked yet */
	bool by_value; /* what pointers lead to is not read, nor the scopes of
			  names: entries may be of several files, dies NULL */
	bool is_alone; /* what is declared stays so: dies is NULL */
};

/* The number of the type of the entry DIE; NULL is void. */
uint32_t hi_model_read_type(struct hi_model_reader *reader,
			    const Dwarf_Die *die);
/* The same for ENTRY's DW_AT_type; void when it has none. */
uint32_t hi_model_read_type_of(struct hi_model_reader *reader,
			       const struct hi_die *entry);
/* The function type of a subprogram: parameters as they were written. */
uint32_t hi_model_read_function(struct hi_model_reader *reader,
				const Dwarf_Die *die);
/* Note of the unit of ENTRY what it cannot tell: doubted. */
void hi_model_doubt(struct hi_model_reader *reader, const struct hi_die *entry);
/* Of what is no link of a chain. */
uint32_t hi_model_read_end(struct hi_model_reader *reader,
			   struct hi_die *entry);
enum hi_model_kind hi_model_get_kind(int tag);
/* Read what the types so far refer to, until nothing is left. */
void hi_model_read_rest(struct hi_model_reader *reader);
void hi_model_reader_done(struct hi_model_reader *reader);

void hi_number_table_insert(struct hi_model_reader *reader,
			    struct hi_number_table *table, uint64_t hash,
			    uint32_t number);
/* The number behind HASH, which stands for one thing alone; 0: none. */
uint32_t hi_number_table_find(const struct hi_number_table *table,
			      uint64_t hash);
uint64_t hi_hash_address(const void *address);

/*
 * The number of a type that says what TYPE says, which is new or not; its name is
 * copied. MARK tells apart what only looks alike: the line where it is declared.
 */
uint32_t hi_model_intern(struct hi_model_reader *reader,
			 const struct hi_model_type *type, uint64_t mark,
			 bool *ret_new);

/* The place of DIE, which lives as long as the model, for its source. */
const void *hi_model_keep_die(struct hi_model_reader *reader,
			      const Dwarf_Die *die);

/* The parts of one type, while they are counted. */
struct hi_part_list {
	struct hi_model_part *list;
	size_t n, cap;
	size_t n_artificial;        /* parameters that were left out */
	int64_t align;              /* the largest that a member asks for */
	struct hi_copying *copying; /* of a class of C++, or NULL */
	bool is_called;             /* it has operator() */
	bool failed;
};

void hi_part_list_add(struct hi_part_list *parts,
		      const struct hi_model_part *part);
/* Make them those of the type NUMBER, and free the list. */
void hi_part_list_take(struct hi_model_reader *reader,
		       struct hi_part_list *parts, uint32_t number);
/* Of the entry, or one that it is made from; or "". */
const char *hi_model_copy_name(struct hi_model_reader *reader,
			       const struct hi_die *entry);

/* Fill in parts: of structs, unions and classes; of enums; of function types. */
void hi_model_read_members(struct hi_model_reader *reader,
			   const struct hi_die *entry, uint32_t number);
void hi_model_read_enumerators(struct hi_model_reader *reader,
			       const struct hi_die *entry, uint32_t number);
void hi_model_read_parameters(struct hi_model_reader *reader,
			      const struct hi_die *entry, uint32_t number);

/* Note the type that the entry DIE, of a unit in C, defines; CONTEXT is the reader. */
void hi_model_note_type(void *context, const Dwarf_Die *die);
/* List in reader->names.full the types that a unit defines, and sort those of all units
   by name. */
void hi_model_list_types(struct hi_model_reader *reader, Dwarf_CU *cu);
void hi_model_sort_types(struct hi_model_reader *reader);
/* The definition of a type that ENTRY only declares, which takes its place; false:
   there is none. */
bool hi_model_find_full(struct hi_model_reader *reader, struct hi_die *entry);
/* The definition of the struct or class NAME, which has its scopes. */
bool hi_model_find_class(struct hi_model_reader *reader, const char *name,
			 Dwarf_Die *ret_die);
/* The function type of the destructor SYMBOL, from its name; or unknown. */
uint32_t hi_model_read_destructor(struct hi_model_reader *reader,
				  const char *symbol);
/* With its scopes, "" for one without a name; valid until the next call. */
const char *hi_model_read_name(struct hi_model_reader *reader,
			       const struct hi_die *entry);
/* Call EACH for all struct, union, class and enum types that are described. */
int hi_model_for_each_full(struct hi_dies *dies,
			   void (*each)(void *context, const char *scope,
					const char *name),
			   void *context, struct hi_err *err) HI_MUST_USE;
/* Once the model is finished: find the exports that are abstract. */
void hi_model_mark_abstract(struct hi_model *model, struct hi_image *image,
			    const struct hi_symtab *symtab);
/* Likewise: find out how objects are passed. */
void hi_model_mark_passing(struct hi_model *model);
/* A name without scopes as all compilers may be taken to write it. */
void hi_model_tidy_name(const char *name, struct hi_buf *buf);
/* The same for NAME of the type ENTRY, whose arguments are read, too. */
void hi_model_spell_name(struct hi_die_units *entries,
			 const struct hi_die *entry, const char *name,
			 struct hi_buf *buf);
void hi_model_names_done(struct hi_model_names *names);

#endif
