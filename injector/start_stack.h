/*
 * start_stack - the stack of a program that has not run yet.
 *
 * Upwards from the stack pointer: argc, argv[], NULL, envp[], NULL, auxv[] up to
 * AT_NULL.
 *
 * Ownership: hi_start_stack_read() fills a value that hi_start_stack_done() ends.
 * Errors:    HI_E_HOST when it has no end; HI_E_NOMEM; those of remote.h.
 * Threads:   no shared state; the host's one thread is stopped.
 * Source:    System V ABI, AMD64 supplement, 3.4.1 (initial stack); execve(2).
 */
#ifndef HI_INJECTOR_START_STACK_H
#define HI_INJECTOR_START_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "injector/host.h"

#define HI_START_STRING_MAX (128 << 10) /* bytes; execve(2): MAX_ARG_STRLEN */

struct hi_start_stack {
	uint64_t *words;
	size_t n_words;
	size_t env_at;  /* index of envp[0] */
	size_t env_end; /* index of envp's NULL */
	size_t aux_at;
};

int hi_start_stack_read(const struct hi_host *host, uint64_t sp_remote,
			struct hi_start_stack *ret_stack,
			struct hi_err *err) HI_MUST_USE;
void hi_start_stack_done(struct hi_start_stack *stack);

/* The entry of the auxiliary vector, AT_..., or 0. */
uint64_t hi_start_stack_get_aux(const struct hi_start_stack *stack,
				uint64_t type);
/*
 * The index in words of the variable NAME, written "PATH=", and its value, of at most
 * HI_START_STRING_MAX bytes; env_end and "" when there is none.
 */
size_t hi_start_stack_find_variable(const struct hi_host *host,
				    const struct hi_start_stack *stack,
				    const char *name, char *ret_value);
/*
 * Write the vectors again below the old ones, with the variable TEXT, "NAME=value", at
 * index AT, or added where AT is env_end; *RET_SP_REMOTE is where the stack begins then.
 */
int hi_start_stack_write(const struct hi_host *host, uint64_t sp_remote,
			 const struct hi_start_stack *stack, size_t at,
			 const char *text, uint64_t *ret_sp_remote,
			 struct hi_err *err) HI_MUST_USE;

#endif
