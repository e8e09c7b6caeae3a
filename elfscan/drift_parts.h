/*
 * drift_parts - what the files of the drift module share; no one else includes it.
 */
#ifndef HI_ELFSCAN_DRIFT_PARTS_H
#define HI_ELFSCAN_DRIFT_PARTS_H

#include "elfscan/drift.h"

/* How one type is met in another, or in an export. */
enum hi_way {
	HI_WAY_VALUE,      /* as such: its bytes are there */
	HI_WAY_HANDED_IN,  /* a parameter that points to it */
	HI_WAY_MADE,       /* what a constructor is to make */
	HI_WAY_HANDED_OUT, /* a pointer that the library gives */
	HI_WAY_GIVEN,      /* a parameter of a function behind a pointer that
			      points to it */
	HI_WAY_GOT,        /* what such a function, of a table, points to */
	HI_WAY_POINTER,    /* a pointer inside another object */
};

/* Two types, one of each model, that stand at the same place. */
struct hi_pair {
	uint32_t old, new;
	bool by_export; /* numbers of exports, not of types */
	bool is_made, is_handed_out;
	bool is_taken; /* an export has a parameter that points to it */
	bool is_got;   /* a function of a table returns a pointer to it */
	bool in_interface;
	bool is_called;     /* the host may have an object, and call its virtual
			   functions */
	bool is_given_only; /* the host sees those that it is given */
	bool is_stored;     /* in a variable that is kept */
	bool is_moved;      /* all that differs is places, and the size */
	bool is_resized;
	bool is_grown;   /* all that was there is where it was */
	bool is_unknown; /* something of it could not be compared */
};

/* FROM leads to TO, both places in pairs. */
struct hi_way_to {
	uint32_t from, to;
	enum hi_way way;
	bool by_virtual; /* in a virtual function of FROM */
};

struct hi_drift_run {
	const struct hi_model *old, *new;
	const struct hi_drift_options *options;
	struct hi_drift *drift;
	struct hi_pair *pairs;
	size_t n_pairs, cap_pairs;
	size_t n_done;   /* pairs that have been compared */
	uint32_t *table; /* a hash table of places in pairs, plus one */
	size_t cap_table;
	struct hi_way_to *ways;
	size_t n_ways, cap_ways;
	size_t cap_findings, cap_unverified;
	bool failed;
};

/* What a walk along two types has found, from the least to the most. */
enum hi_sameness { HI_SAME, HI_RENAMED, HI_NOT_KNOWN, HI_DIFFERENT };

/* Where a walk begins. */
enum hi_role {
	HI_ROLE_MEMBER,
	HI_ROLE_PARAMETER,
	HI_ROLE_THIS,   /* of a constructor */
	HI_ROLE_RESULT, /* of a function: by which typedef does not matter */
	HI_ROLE_VARIABLE,
	HI_ROLE_VIRTUAL, /* a virtual function of a class */
};

/*
 * Compare two types as the machine passes them, and put the pairs of structs and
 * enums that they lead to on the list, as met in ROLE from the pair at FROM.
 * HI_RENAMED: only names or qualifiers differ.
 */
enum hi_sameness hi_drift_walk(struct hi_drift_run *run, uint32_t old,
			       uint32_t new, uint32_t from, enum hi_role role);
/* Whether typedefs of these names may be one: each compiler has its own way to tell in
   which class a typedef is. */
bool hi_drift_is_one_typedef(const char *old, const char *new);
/* Whether two names of types may be one, each as its compiler spells it. */
bool hi_drift_is_one_name(const char *old, size_t old_len, const char *new,
			  size_t new_len);
/* "changed from 'int' to 'float'". */
void hi_drift_say_changed(const struct hi_drift_run *run, uint32_t old,
			  uint32_t new, struct hi_buf *text);

/* Room that lives as long as the drift; NULL when out of memory. */
void *hi_drift_alloc(struct hi_drift_run *run, size_t len);
/* The place of a pair, which is new or not. */
uint32_t hi_drift_add_pair(struct hi_drift_run *run, uint32_t old, uint32_t new,
			   bool by_export);

void hi_drift_add_way(struct hi_drift_run *run, const struct hi_way_to *way);

/* No pair. */
#define HI_NO_PLACE UINT32_MAX

/* A finding about the pair at PLACE, or none; TEXT is used up. */
void hi_drift_add(struct hi_drift_run *run, const char *kind, const char *root,
		  enum hi_severity severity, struct hi_buf *text,
		  const char *effect, uint32_t place);
void hi_drift_add_unverified(struct hi_drift_run *run, const char *name);

/* Compare the pair of structs, unions or enums at PLACE. */
void hi_drift_compare_pair(struct hi_drift_run *run, uint32_t place);
/* Whether all parts have the same names and places, in one order. */
bool hi_drift_has_same_parts(const struct hi_model_type *old,
			     const struct hi_model_type *new);
/*
 * Put what is inside of members without a name in their place, where these do not
 * match. True: the parts of both are copies, to be freed.
 */
bool hi_drift_flatten(const struct hi_drift_run *run, struct hi_model_type *old,
		      struct hi_model_type *new);
/* Whether PART of NEW is one more view of bytes that had a member in OLD and have
   one in NEW: a union came around that. */
bool hi_drift_is_view(const struct hi_drift_run *run,
		      const struct hi_model_type *old,
		      const struct hi_model_type *new,
		      const struct hi_model_part *part);
/* A finding about an export. */
void hi_drift_add_export(struct hi_drift_run *run, const char *kind,
			 const struct hi_model_export *old,
			 enum hi_severity severity, struct hi_buf *text,
			 const char *effect, uint32_t place);
/* Compare the types of two functions, and of two variables. */
void hi_drift_compare_functions(struct hi_drift_run *run,
				const struct hi_model_export *old,
				const struct hi_model_export *new,
				uint32_t place);
void hi_drift_compare_variables(struct hi_drift_run *run,
				const struct hi_model_export *old,
				const struct hi_model_export *new,
				uint32_t place);
/* And of two builds of a variable that is kept. */
void hi_drift_compare_kept(struct hi_drift_run *run,
			   const struct hi_model_export *old,
			   const struct hi_model_export *new, uint32_t place);
/* What a reference to OF finds in MODEL, or NULL. */
const struct hi_model_export *hi_drift_find_twin(
	const struct hi_model *model, const struct hi_model_export *of);
/* One of the two has a version, the other has none. */
void hi_drift_compare_versions(struct hi_drift_run *run,
			       const struct hi_model_export *old,
			       const struct hi_model_export *new,
			       uint32_t place);
/* Compare what is exported, and what the library says of itself. */
void hi_drift_compare_exports(struct hi_drift_run *run);
/* Decide the scopes of what was found about types, and who reaches them. */
void hi_drift_judge_scopes(struct hi_drift_run *run);

/* "struct world". */
void hi_drift_name(const struct hi_model *model, uint32_t number,
		   struct hi_buf *buf);

/* --- the inside of a pair, while it is compared --- */

struct hi_layout {
	struct hi_drift_run *run;
	uint32_t place;
	const struct hi_model_type *old, *new;
	struct hi_model_type flat_old, flat_new; /* when they are these */
	struct hi_buf breaks;                    /* what breaks, "a; b; c" */
	struct hi_buf harmless;                  /* what does not */
	struct hi_buf added; /* what has got a place that was padding */
	struct hi_buf table; /* what breaks calls through the vtable */
	const char *effect;
	bool grew_only;  /* all that was there is where it was */
	bool moved_only; /* all that differs is places and sizes */
};

/* Room for one more of several remarks, which semicolons part. */
struct hi_buf *hi_layout_begin(struct hi_buf *buf);
/* Bases, and members without a name, are called by their type. */
const char *hi_layout_get_name(const struct hi_model *model,
			       const struct hi_model_part *part);
const struct hi_model_part *hi_layout_find_named(
	const struct hi_model *in, const struct hi_model_type *type,
	enum hi_model_part_kind kind, const char *name);
enum hi_sameness hi_layout_compare_types(const struct hi_layout *layout,
					 const struct hi_model_part *old,
					 const struct hi_model_part *new);
void hi_layout_compare_aligns(struct hi_layout *layout);
void hi_layout_compare_variants(struct hi_layout *layout);
void hi_layout_compare_virtuals(struct hi_layout *layout);
/* Whole enums; ROOT is what the finding is called by. */
void hi_layout_compare_enums(struct hi_layout *layout, const char *root);

#endif
