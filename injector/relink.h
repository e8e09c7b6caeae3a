/*
 * relink - a new build's references are made to reach what lives on.
 *
 *   judge     before the load, on the file alone: what cannot be joined, and why
 *   isolate   after ld.so's relocation: the build sees itself only, so that its
 *             constructors run its own code on its own variables
 *   join      after the constructors:
 *               calls through the PLT        -> trampolines
 *               addresses of functions       -> their home
 *               references to kept variables -> their home
 *               thread-locals                -> module and offset of their home
 *
 * Nobody runs the new build while it is written. Read-only data, vtables and
 * type information are the new build's own.
 *
 * Errors:    HI_E_RELINK with what cannot be reached; those of remote.
 * Source:    x86-64 psABI ch. 4.4 (relocations); ELF Handling for
 *            Thread-Local Storage 0.21.
 */
#ifndef HI_INJECTOR_RELINK_H
#define HI_INJECTOR_RELINK_H

#include "common/err.h"
#include "injector/host.h"
#include "injector/plan.h"
#include "injector/reasons.h"
#include "injector/report.h"
#include "injector/worker.h"

/* What an operand in the new build's text means. */
struct hi_meant {
	const struct hi_symbol *symbol; /* NULL: nothing that lives on */
	const struct hi_symbol *other;  /* that it could mean just as well */
	bool unsure; /* or else a constant, which stays where it is */
	bool far;    /* the other is not near: an index would lead to it */
};

struct hi_relink {
	struct hi_worker *worker;
	struct hi_build *build;
	const struct hi_shim *shim; /* its stand-in for exit() */
	uint64_t *bound; /* what ld.so wrote at each relocation's place */
	struct hi_meant *meant; /* by site, once judged */
	bool isolated;
};

void hi_relink_done(struct hi_relink *relink);

/* The build has been matched. Problems are reasons; counts are for the report. */
int hi_relink_judge(struct hi_relink *relink, enum hi_state_mode state,
		    struct hi_reasons *reasons,
		    struct hi_report_state *ret_counts,
		    struct hi_err *err) HI_MUST_USE;

/* Read what ld.so has bound; the build is mapped, its homes are placed. */
int hi_relink_read(struct hi_relink *relink, const struct hi_host *host,
		   struct hi_err *err) HI_MUST_USE;
/* The writes for the two steps. */
int hi_relink_isolate(struct hi_relink *relink, const struct hi_host *host,
		      struct hi_plan *plan, struct hi_err *err) HI_MUST_USE;
int hi_relink_join(const struct hi_relink *relink, const struct hi_host *host,
		   struct hi_plan *plan, struct hi_err *err) HI_MUST_USE;

#endif
