/*
 * build - one version of the worker: its private copy, the facts of its file, and
 * where the host has it.
 *
 * Ownership: hi_build_open() gives a build that hi_build_free() ends; functions
 *            and variables in it belong to the worker.
 * Errors:    those of the elfscan modules, whose sentences they keep.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_BUILD_H
#define HI_INJECTOR_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/shim_abi.h"
#include "elfscan/bodies.h"
#include "elfscan/changes.h"
#include "elfscan/image.h"
#include "elfscan/model.h"
#include "elfscan/prologue.h"
#include "elfscan/reloc.h"
#include "elfscan/sites.h"
#include "elfscan/symtab.h"
#include "elfscan/text.h"
#include "elfscan/units.h"
#include "injector/snapshot.h"

struct hi_function;
struct hi_variable;

/* What became of a function's entry. */
struct hi_entry {
	bool redirected;             /* it leads to the trampoline */
	uint8_t before[HI_JUMP_LEN]; /* what was there, at jump_at */
};

/* What a build's private copy still holds (thin.h). */
enum hi_copy {
	HI_COPY_WHOLE,
	HI_COPY_TYPES, /* of debug information, what tells types */
	HI_COPY_CODE,  /* no debug information */
};

struct hi_build {
	unsigned int number; /* that the user sees; its copies have it, too */
	unsigned int serial; /* from 1 on, in the order of going live */
	unsigned int before; /* the number of the build that was live when this
				one came; 0: it is the first */
	bool again; /* a copy of an earlier one: the user went back to it */
	char *path; /* of the snapshot */
	struct hi_content content;
	struct hi_image *image;
	struct hi_symtab *symtab;
	struct hi_reloc *relocs;
	size_t n_relocs;
	struct hi_sites sites;  /* once the text is read */
	struct hi_units *units; /* NULL: none that can be carried over, or of
				   a build that nothing is compared with */
	bool units_read;
	struct hi_model *model; /* of its interface, NULL before it is asked
				   for; goes with the units */
	struct hi_text *text; /* NULL before it is read, and once a newer build
				  has what is to be carried over */
	struct hi_prologue *prologues; /* in the order of the functions; NULL
					  until the text is read */
	/* what its symbols stand for in the worker; NULL entries: nothing that
	   lives on (compiler-made, clones, read-only data) */
	struct hi_function **functions;
	struct hi_variable **variables;
	/* in the host, once it is mapped */
	uint64_t base_remote;
	uint64_t map_remote; /* struct link_map, 0: not known */
	struct hi_shim_tls tls;
	bool has_constructors;    /* other than the compiler's own */
	bool resolved;            /* #1: its IFUNC functions' picks are known */
	bool patched;             /* all its entries lead to the trampolines */
	struct hi_entry *entries; /* in the order of the functions; NULL: none
				     was written to */
	struct hi_bodies *bodies; /* NULL before they are asked for */
	bool crashed;             /* a thread has, inside it */
	/* see retire */
	bool inside;  /* a thread was, at the last publication that found one */
	bool needed;  /* something is at home here, or a slot leads here */
	bool retired; /* image and addresses are all that is left */
	bool typed;   /* the newest that has some variable, which is removed */
	bool shared;  /* another process of hotinject may read its copy, too */
	enum hi_copy copy;
	uint64_t disk_len; /* what the copy takes; 0: not known yet */
};

/*
 * A library that ld.so can load, with its dynamic relocations. PATH is the private
 * copy of ORIGINAL, which sentences name.
 */
int hi_build_open(const char *path, const char *original, unsigned int number,
		  struct hi_build **ret_build, struct hi_err *err) HI_MUST_USE;
/*
 * The same of a copy under way: its memory is the build's, the snapshot stays with
 * the caller. The rest of the file must be read before hi_build_scan().
 */
int hi_build_open_snapshot(struct hi_snapshot *snapshot, const char *original,
			   unsigned int number, struct hi_build **ret_build,
			   struct hi_err *err) HI_MUST_USE;
/* The same of LEN bytes at BYTES, of mmap(2), which the build takes in any case. */
int hi_build_open_bytes(const char *path, const uint8_t *bytes, size_t len,
			const char *original, unsigned int number,
			struct hi_build **ret_build,
			struct hi_err *err) HI_MUST_USE;
void hi_build_free(struct hi_build *build);
/* Free all but the image: nobody asks for symbols and the like any more. */
void hi_build_drop_facts(struct hi_build *build);
/* Symbols and constructors. */
int hi_build_scan(struct hi_build *build, struct hi_err *err) HI_MUST_USE;

/*
 * Whether a dlopen() of BUILD leaves nothing behind when it is closed again: it
 * needs the same libraries as CURRENT, and ld.so will unload it.
 */
bool hi_build_loads_alike(const struct hi_build *build,
			  const struct hi_build *current);

/* Find the sites and judge the entries of its functions; done once. What BEFORE
   (NULL, or a build that lives) has of the same text is carried over. */
int hi_build_read_text(struct hi_build *build, const struct hi_build *before,
		       struct hi_err *err) HI_MUST_USE;

/*
 * Read the units of its debug information; done once. BEFORE (each may be NULL) are
 * builds that live on, to carry over from.
 */
int hi_build_read_units(struct hi_build *build,
			const struct hi_build *const before[2],
			struct hi_err *err) HI_MUST_USE;
/* No new build will be compared with it any more. */
void hi_build_drop_units(struct hi_build *build);
void hi_build_drop_text(struct hi_build *build);

struct hi_build_facts hi_build_get_facts(const struct hi_build *build);

/* Indexes of symbols that the symtab gave. */
size_t hi_build_function_index(const struct hi_build *build,
			       const struct hi_symbol *symbol);
size_t hi_build_variable_index(const struct hi_build *build,
			       const struct hi_symbol *symbol);

/* Whether it is what the host has opened itself. */
bool hi_build_is_first(const struct hi_build *build);

/* Whether a host address lies in the build's memory. */
bool hi_build_covers(const struct hi_build *build, uint64_t address_remote);
/* Whether it lies in the build's text. */
bool hi_build_covers_text(const struct hi_build *build,
			  uint64_t address_remote);

/* The constructors that its dynamic section names. */
struct hi_constructors {
	uint64_t init_link;
	uint64_t init_array_link;
	uint64_t n_init_array;
};
void hi_build_get_constructors(const struct hi_build *build,
			       struct hi_constructors *ret_constructors);

/*
 * Take the constructors and destructors out of the snapshot's dynamic section: the
 * shim runs the first, build #1 keeps the second. And hide its IFUNC resolvers
 * (injector/ifunc.h): where ld.so would store what one picks, it stores the
 * resolver's own address.
 */
int hi_build_silence(const struct hi_build *build,
		     struct hi_err *err) HI_MUST_USE;

#endif
