/*
 * preload_entry - LD_PRELOAD with the shim added to what is there.
 *
 * The shim comes first, but for the runtime of an address sanitizer, which ends a
 * program in which it is not the first library of all.
 *
 * Ownership: the text is the caller's, for free().
 * Errors:    HI_E_NOMEM.
 * Threads:   no shared state; the host's one thread is stopped.
 * Source:    ld.so(8); AsanCheckDynamicRTPrereqs() of LLVM's compiler-rt.
 */
#ifndef HI_INJECTOR_PRELOAD_ENTRY_H
#define HI_INJECTOR_PRELOAD_ENTRY_H

#include <stdbool.h>

#include "common/err.h"
#include "injector/host.h"
#include "injector/start_stack.h"

struct hi_preload_entry {
	char *text; /* "LD_PRELOAD=..." */
	size_t at;  /* where it belongs in the start stack's words */
	bool leaks; /* a sanitizer will look for leaks at the end */
};

int hi_preload_entry_make(const struct hi_host *host,
			  const struct hi_start_stack *stack,
			  const char *shim_path,
			  struct hi_preload_entry *ret_entry,
			  struct hi_err *err) HI_MUST_USE;

#endif
