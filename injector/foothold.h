/*
 * foothold - the first memory of ours in a host that runs without the shim, and the
 * call of dlopen(3) that brings the shim in.
 *
 *     borrow   a thread at a safe point, on whose stack there is room
 *     map      two pages and a stack, by a system call that libc's own code makes
 *     call     dlopen(3) of the shim, on that stack
 *
 * From the first write on, the thread could take itself back, should the injector be
 * killed: a frame for rt_sigreturn(2) lies ready at each step.
 *
 * Errors:    HI_E_HOST for a host without dlopen(3), or whose loader does not take
 *            the shim; HI_E_BUSY when no thread came to a safe point; HI_E_GONE.
 * Threads:   one.
 * Source:    x86-64 psABI ch. 3.2 (red zone); mmap(2); sigreturn(2).
 */
#ifndef HI_INJECTOR_FOOTHOLD_H
#define HI_INJECTOR_FOOTHOLD_H

#define HI_FOOTHOLD_RETURN_AT  64
#define HI_FOOTHOLD_SYSCALL_AT 192
#define HI_FOOTHOLD_DATA_AT    4096
/* in the data; before them, as much of struct hi_shim as a call needs */
#define HI_FOOTHOLD_DLOPEN_AT 128
#define HI_FOOTHOLD_PATH_AT   136

#ifndef __ASSEMBLER__

#include "common/err.h"
#include "injector/host.h"
#include "injector/unwind.h"

struct hi_foothold {
	uint64_t start_remote; /* 0: there is none */
	uint64_t len;
};

/* Have the host load the shim at PATH. What it was done with is left in the host, to be
   unmapped. */
int hi_foothold_load(struct hi_host *host, struct hi_unwinder *unwinder,
		     const char *path, struct hi_foothold *ret_foothold,
		     struct hi_err *err) HI_MUST_USE;

#endif /* __ASSEMBLER__ */
#endif
