/*
 * worker - the library as it lives through its builds: its functions and variables,
 * where each is at home, and which build each slot leads to.
 *
 *     hi_worker_adopt   build #1: everything is at home there
 *     hi_worker_match   a new build: its symbols find their homes
 *     hi_worker_accept  the new build is live    | hi_worker_forget: it is not
 *
 * Units:     ..._remote are host addresses.
 * Ownership: the worker owns builds, functions and variables; they live until
 *            hi_worker_free().
 * Errors:    HI_E_NOMEM; what cannot be matched goes to the reasons.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_WORKER_H
#define HI_INJECTOR_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "injector/build.h"
#include "injector/cli.h"
#include "injector/reasons.h"
#include "injector/watch_poll.h"
#include "injector/table.h"

struct hi_function {
	size_t number;                  /* its place in the worker's list */
	const struct hi_symbol *symbol; /* in its home build */
	struct hi_build *home;
	uint64_t home_remote;    /* its entry there */
	uint64_t address_remote; /* what a pointer to it holds: its home, or its
				    trampoline when the home cannot be patched */
	struct hi_slot slot; /* taken once it is needed: trampoline 0 before */
	bool patchable;
	const char *why_not; /* patchable */
	uint8_t jump_at;     /* of the patch point */
	bool patched;        /* the home leads to the trampoline */
	bool differs; /* some build that was live has other code than the home */
	/* the implementation that the slot leads to */
	struct hi_build *current;
	const struct hi_symbol *current_symbol;
	uint64_t current_remote;
	uint64_t held_remote; /* its slot leads to this instead (hold.h), or 0 */
	/* the last publication: the build whose code still calls its own
	   implementation, or NULL */
	const struct hi_build *kept_by;
	/* during a reload: the implementation to come, or NULL */
	const struct hi_symbol *next_symbol;
};

struct hi_variable {
	size_t number;                  /* as a function's */
	const struct hi_symbol *symbol; /* in its home build */
	struct hi_build *home;
	struct hi_build *seen; /* the newest that was live and has it: its type
				  is as that one says */
	uint64_t home_remote;  /* 0 for thread-locals */
	bool identity; /* C++ type information: read-only, but its address is
			  what typeid and catch compare */
};

/* Where a build is in the host. */
struct hi_place {
	uint64_t start, end;
	struct hi_build *build;
};

struct hi_worker {
	char *path;               /* the file that is watched */
	const char *name;         /* its base name */
	struct hi_build **builds; /* that are or were live, oldest first */
	size_t n_builds;
	struct hi_place *places; /* of all of them, by address */
	/* those that are not retired, oldest first; they stay few */
	struct hi_build **active;
	size_t n_active;
	/* The file that the host has opened. ld.so knows files by device and
	   inode, and would take a snapshot with the same for the library that
	   it has: the inode is free again once the file is replaced. */
	dev_t first_dev;
	ino_t first_ino;
	/* in maps, when the host has it under another name; else 0 */
	dev_t other_dev;
	ino_t other_ino;
	bool replaced;    /* that file, before the host was looked at */
	size_t n_thinned; /* builds, since others forgot about them (retire.h) */
	bool said_full;   /* its builds take more disk than they may */
	struct hi_build *prepared; /* to be adopted, or NULL */
	struct hi_build *current;  /* NULL before the host has it */
	unsigned int last_number;  /* given to a candidate */
	/* What the file held when the user went back from it: it is not taken
	   again until it has held something else. */
	bool has_aside;
	struct hi_content aside;
	/* The file that was refused last, and what was live then: that it is linked
	   to under another name is no news. */
	struct hi_identity refused_file;
	struct hi_content refused;
	const struct hi_build *refused_by;
	struct hi_function **functions;
	size_t n_functions;
	struct hi_variable **variables;
	size_t n_variables;
	/* closures and coroutines, of which objects of older builds keep the code that
	   they began with; as the last build that came was matched */
	char **parted;
	size_t n_parted;
	struct hi_table *table;
	/* two slots that hold what __tls_get_addr() takes for the TLS block of this
	   build; NULL: none yet */
	const struct hi_build *tls_pair_home;
	uint64_t tls_pair_remote;
};

int hi_worker_new(const char *path, struct hi_worker **ret_worker,
		  struct hi_err *err) HI_MUST_USE;
void hi_worker_free(struct hi_worker *worker);
/* Forget all builds: the host has started another program or closed it. */
void hi_worker_reset(struct hi_worker *worker);

/* Make BUILD the first one; its base_remote is known. The worker owns it. */
int hi_worker_adopt(struct hi_worker *worker, struct hi_build *build,
		    struct hi_err *err) HI_MUST_USE;

/*
 * Find for every function and variable of BUILD what it is in the worker; new
 * ones are added. Variables that --state=keep cannot keep are reasons.
 */
int hi_worker_match(struct hi_worker *worker, struct hi_build *build,
		    enum hi_state_mode state, struct hi_reasons *reasons,
		    struct hi_err *err) HI_MUST_USE;
/* BUILD has been mapped: the homes that are in it get their addresses. */
void hi_worker_place(struct hi_worker *worker, struct hi_build *build);
/* BUILD is live. */
int hi_worker_accept(struct hi_worker *worker, struct hi_build *build,
		     struct hi_err *err) HI_MUST_USE;
/* BUILD is not to be: what was added for it is taken away, the build freed. */
void hi_worker_forget(struct hi_worker *worker, struct hi_build *build);

/* BUILD is retired. */
void hi_worker_retire(struct hi_worker *worker, struct hi_build *build);

/* The live build whose memory holds an address, or NULL. */
struct hi_build *hi_worker_find_build(const struct hi_worker *worker,
				      uint64_t address_remote);
/* The function whose home entry is at an address, or NULL. */
struct hi_function *hi_worker_find_home(const struct hi_worker *worker,
					uint64_t address_remote);
/* How many slots the functions without one need. */
size_t hi_worker_count_slotless(const struct hi_worker *worker);
/* Give every function a slot; the table has been reserved. */
void hi_worker_take_slots(struct hi_worker *worker);

#endif
