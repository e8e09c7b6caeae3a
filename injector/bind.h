/*
 * bind - the references that the host's objects hold to the worker's functions.
 *
 * A PLT slot that leads to a function of the table is pointed at its trampoline. A slot
 * that lazy binding has not filled yet is filled when the host has not run yet and no
 * other object defines the name; otherwise it is left to ld.so, and patch points catch
 * what it binds to. References by address (GOT, absolute words, lea in the worker) are
 * left alone where the function's entry can be overwritten: a pointer then stays what
 * it was. Otherwise they get the trampoline, too.
 *
 * Errors:    HI_E_NOMEM; an object whose file cannot be read is left alone.
 */
#ifndef HI_INJECTOR_BIND_H
#define HI_INJECTOR_BIND_H

#include <stdbool.h>

#include "common/err.h"
#include "injector/host.h"
#include "injector/maps.h"
#include "injector/plan.h"
#include "injector/worker.h"

/* Names that the host's objects refer to and the worker defines; sorted. */
struct hi_used {
	char **names;
	size_t n;
	char *program; /* the host's executable, or NULL */
};

void hi_used_done(struct hi_used *used);
bool hi_used_has(const struct hi_used *used, const char *name);
/* Whether the executable holds NAME as a string: it may look it up by dlsym(). */
bool hi_used_mentions(const struct hi_used *used, const char *name);

/* The writes that bind, and what the host uses. */
int hi_bind(const struct hi_worker *worker, const struct hi_host *host,
	    const struct hi_maps *maps, bool early, struct hi_plan *plan,
	    struct hi_used *ret_used, struct hi_err *err) HI_MUST_USE;

/*
 * The writes that lead every such slot to the worker's own function again, while
 * build #1 is the only one. HI_E_BUSY when a function's address is its trampoline,
 * which the host may have kept.
 */
int hi_unbind(const struct hi_worker *worker, const struct hi_host *host,
	      const struct hi_maps *maps, struct hi_plan *plan,
	      struct hi_err *err) HI_MUST_USE;

#endif
