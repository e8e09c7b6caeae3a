/*
 * remote - read, write and call in the host.
 *
 *   hi_remote_read   process_vm_readv: needs no stop
 *   hi_remote_write  process_vm_writev: writable memory, needs no stop
 *   hi_remote_poke   /proc/PID/mem: any private mapping, also r-x and r--
 *   hi_remote_syscall  one system call on a held thread
 *   hi_remote_start / hi_remote_finish  one function of the shim on a held thread, which
 *                    runs while the injector goes on
 *
 * A call leaves the thread as it was: registers, vector state, signal mask, and the
 * system call it was stopped in, which goes on. The shim's end stub takes the thread
 * back by itself should the injector be killed in between.
 *
 * Units:     ..._remote are host addresses.
 * Errors:    HI_E_GONE, HI_E_SYS, HI_E_BUSY when a call does not return in time,
 *            HI_E_RIGHTS when the host has closed its memory to us.
 * Source:    process_vm_readv(2), proc(5), ptrace(2), sigreturn(2); x86-64 psABI
 *            ch. 3.2 (stack, red zone).
 */
#ifndef HI_INJECTOR_REMOTE_H
#define HI_INJECTOR_REMOTE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/shim_abi.h"
#include "injector/host.h"

int hi_remote_read(const struct hi_host *host, uint64_t from_remote, void *to,
		   size_t len, struct hi_err *err) HI_MUST_USE;
int hi_remote_write(const struct hi_host *host, uint64_t to_remote,
		    const void *from, size_t len,
		    struct hi_err *err) HI_MUST_USE;
int hi_remote_poke(const struct hi_host *host, uint64_t to_remote,
		   const void *from, size_t len,
		   struct hi_err *err) HI_MUST_USE;

/* Where the shim's pieces are in the host. */
struct hi_shim_place {
	uint64_t shim_remote; /* struct hi_shim */
	struct hi_shim shim; /* as read at the start (addresses are constant) */
	uint64_t stack_remote; /* top of a stack for remote calls */
};

/* *ret_value is what the kernel returned (a negative errno for a failure). */
int hi_remote_syscall(struct hi_host *host, struct hi_thread *thread,
		      const struct hi_shim_place *place, long number,
		      const uint64_t arguments[6], int64_t *ret_value,
		      struct hi_err *err) HI_MUST_USE;

/* The held thread goes on where it is, but only about a tenth of a second after it is let
   go, by itself: no signal reaches it before. */
int hi_remote_put_off(struct hi_host *host, struct hi_thread *thread,
		      const struct hi_shim_place *place,
		      struct hi_err *err) HI_MUST_USE;

/* mmap in the host: anonymous, private, at ADDRESS exactly (0: anywhere). */
int hi_remote_map(struct hi_host *host, struct hi_thread *thread,
		  const struct hi_shim_place *place, uint64_t address,
		  size_t len, int prot, uint64_t *ret_remote,
		  struct hi_err *err) HI_MUST_USE;

/* A thread's state while a remote call runs on it. */
struct hi_remote_call {
	struct hi_thread *thread;
	pid_t tid;
	struct user_regs_struct regs;
	struct hi_xstate xstate;
	uint64_t sigmask;
};

/* Start FUNCTION_REMOTE() on the held thread and let it run. */
int hi_remote_start(struct hi_host *host, struct hi_thread *thread,
		    const struct hi_shim_place *place, uint64_t function_remote,
		    struct hi_remote_call *ret_call,
		    struct hi_err *err) HI_MUST_USE;
/* Wait for its return, restore the thread and let it go. */
int hi_remote_finish(struct hi_host *host, const struct hi_shim_place *place,
		     struct hi_remote_call *call, uint64_t *ret_result,
		     struct hi_err *err) HI_MUST_USE;

#endif
