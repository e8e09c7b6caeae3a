/*
 * fault - a signal that is about to end the host, and who has brought it about.
 *
 *     a fault    the thread's own instruction: SIGSEGV, SIGBUS, SIGILL, SIGFPE,
 *                SIGTRAP
 *     sent       by the thread to its own process: abort(), raise()
 *
 * What another thread or process sends, and what the host catches, is no fault: it
 * is the host's own affair.
 *
 * Units:     address_remote is a host address.
 * Errors:    none; what cannot be read is no fault.
 * Threads:   one; the thread of the host is about to get the signal.
 * Source:    sigaction(2), signal(7), proc(5) (SigCgt).
 */
#ifndef HI_INJECTOR_FAULT_H
#define HI_INJECTOR_FAULT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

#include "injector/host.h"

struct hi_fault {
	int signal; /* 0: none, the thread is taken out of the worker as it runs */
	bool has_address;
	uint64_t address_remote; /* that was accessed or executed */
	struct user_regs_struct regs;
};

bool hi_fault_read(const struct hi_thread *thread, pid_t pid, int signal,
		   struct hi_fault *ret_fault);
/* "SIGSEGV" */
const char *hi_fault_get_name(int signal);
/* Whether the thread has come to the end of its stack. */
bool hi_fault_is_overflow(const struct hi_fault *fault, size_t n_frames);

#endif
