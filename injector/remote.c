#include "injector/remote.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "injector/clock.h"
#include "injector/sandbox.h"
#include "injector/sigframe_x86_64.h"

#define CALL_LIMIT_NS (2 * HI_NS_PER_S)
#define SPIN_NS       (2 * HI_NS_PER_MS)
#define HOLD_TRIES    20 /* of half a second */

static int gone_or_sys(const struct hi_host *host, struct hi_err *err,
		       const char *what, uint64_t at, size_t len)
{
	if (errno == ESRCH)
		return hi_fail(err, HI_E_GONE, "process %d has ended",
			       host->pid);
	if (errno == EPERM)
		return hi_sandbox_fail_closed(host->pid, host->name, err);
	return hi_fail_sys(err, "%s %zu bytes at %#lx in the host", what, len,
			   at);
}

int hi_remote_read(const struct hi_host *host, uint64_t from_remote, void *to,
		   size_t len, struct hi_err *err)
{
	struct iovec here = { to, len };
	struct iovec there = { (void *)from_remote, len };
	ssize_t got = process_vm_readv(host->pid, &here, 1, &there, 1, 0);

	if (got != (ssize_t)len) {
		errno = got < 0 ? errno : EFAULT;
		return gone_or_sys(host, err, "reading", from_remote, len);
	}
	return 0;
}

int hi_remote_write(const struct hi_host *host, uint64_t to_remote,
		    const void *from, size_t len, struct hi_err *err)
{
	struct iovec here = { (void *)from, len };
	struct iovec there = { (void *)to_remote, len };
	ssize_t put = process_vm_writev(host->pid, &here, 1, &there, 1, 0);

	if (put != (ssize_t)len) {
		errno = put < 0 ? errno : EFAULT;
		return gone_or_sys(host, err, "writing", to_remote, len);
	}
	return 0;
}

int hi_remote_poke(const struct hi_host *host, uint64_t to_remote,
		   const void *from, size_t len, struct hi_err *err)
{
	ssize_t put = pwrite(host->mem_fd, from, len, (off_t)to_remote);

	if (put != (ssize_t)len) {
		/* nothing at all: there is no memory any more */
		if (put >= 0)
			errno = put == 0 ? ESRCH : EFAULT;
		return gone_or_sys(host, err, "writing", to_remote, len);
	}
	return 0;
}

/* Let the thread run to the next system call stop; others are left alone. */
static int to_syscall_stop(struct hi_thread *thread, struct hi_err *err)
{
	for (;;) {
		struct hi_stop stop;

		hi_tracee_resume_to_syscall(thread->tid, 0);
		stop = hi_tracee_await(thread->tid);
		if (stop.kind == HI_STOP_SYSCALL)
			return 0;
		if (stop.kind == HI_STOP_ENDED)
			return hi_fail(err, HI_E_GONE, "thread %d has ended",
				       thread->tid);
		/* all that may be are blocked: sent again when we are done */
		if (stop.kind == HI_STOP_SIGNAL)
			thread->again_signal = (int)stop.value;
	}
}

/*
 * The kernel restarts an interrupted system call only on its way out of a signal
 * stop, not out of a system call stop: bring the thread to the former.
 */
static int to_trap_stop(struct hi_thread *thread, struct hi_err *err)
{
	int code = hi_tracee_interrupt(thread->tid, err);

	while (code == 0) {
		struct hi_stop stop;

		hi_tracee_resume(thread->tid, 0);
		stop = hi_tracee_await(thread->tid);
		if (stop.kind == HI_STOP_TRAP || stop.kind == HI_STOP_GROUP)
			return 0;
		if (stop.kind == HI_STOP_ENDED)
			return hi_fail(err, HI_E_GONE, "thread %d has ended",
				       thread->tid);
		if (stop.kind == HI_STOP_SIGNAL)
			thread->again_signal = (int)stop.value;
	}
	return code;
}

/* Everything of the thread that the call may change. */
static int save(struct hi_thread *thread, struct hi_remote_call *call,
		struct hi_err *err)
{
	int code = hi_tracee_get_regs(thread->tid, &call->regs, err);

	if (code == 0)
		code = hi_tracee_get_xstate(thread->tid, &call->xstate, err);
	if (code == 0)
		code = hi_tracee_get_sigmask(thread->tid, &call->sigmask, err);
	call->thread = thread;
	call->tid = thread->tid;
	return code;
}

/* The registers last: should the injector be killed before, the stub restores all. */
static int restore(struct hi_remote_call *call, struct hi_err *err)
{
	int code = hi_tracee_set_sigmask(call->tid, call->sigmask, err);

	if (code == 0)
		code = hi_tracee_set_xstate(call->tid, &call->xstate, err);
	if (code == 0)
		code = hi_tracee_set_regs(call->tid, &call->regs, err);
	return code;
}

/*
 * The stack of a call, top to bottom: the frame from which rt_sigreturn(2) can
 * restore the thread, then the return address. At the entry of a function the
 * stack pointer is 8 below a multiple of 16.
 */
static int write_stack(struct hi_host *host, const struct hi_shim_place *place,
		       const struct hi_remote_call *call, uint64_t *ret_sp,
		       struct hi_err *err)
{
	struct hi_sigframe frame;
	uint64_t at = hi_sigframe_make(&call->regs, &call->xstate,
				       call->sigmask, place->stack_remote,
				       &frame);
	uint64_t back = place->shim.return_remote;
	int code = hi_remote_write(host, at, frame.bytes, frame.len, err);

	if (code == 0)
		code = hi_remote_write(host, at - 8, &back, 8, err);
	*ret_sp = at - 8;
	return code;
}

/*
 * The thread is held; it calls nothing but the kernel, which keeps the rest. Signals
 * wait meanwhile, where they keep their order and what they bring; from this stop
 * they could not be delivered later.
 */
static int make_syscall(struct hi_host *host, const struct hi_remote_call *call,
			const struct user_regs_struct *regs, uint64_t *ret_rax,
			struct hi_err *err)
{
	struct user_regs_struct after;
	int code = hi_tracee_set_regs(call->tid, regs, err);

	/* in this order, so that the stub restores the mask if we are killed */
	if (code == 0)
		code = hi_tracee_set_sigmask(call->tid, ~0ULL, err);
	if (code == 0)
		code = to_syscall_stop(call->thread, err); /* entry */
	if (code == 0)
		code = to_syscall_stop(call->thread, err); /* exit */
	if (code == 0)
		code = hi_tracee_get_regs(call->tid, &after, err);
	if (code == 0)
		code = to_trap_stop(call->thread, err);
	if (code == 0)
		code = hi_tracee_set_sigmask(call->tid, call->sigmask, err);
	if (code == 0)
		code = hi_tracee_set_regs(call->tid, &call->regs, err);
	if (code == 0)
		*ret_rax = after.rax;
	if (call->thread->again_signal)
		tgkill(host->pid, call->tid, call->thread->again_signal);
	call->thread->again_signal = 0;
	return code;
}

int hi_remote_syscall(struct hi_host *host, struct hi_thread *thread,
		      const struct hi_shim_place *place, long number,
		      const uint64_t arguments[6], int64_t *ret_value,
		      struct hi_err *err)
{
	struct hi_remote_call call;
	struct user_regs_struct regs;
	uint64_t sp = 0, value = 0;
	int code = save(thread, &call, err);

	/* where the thread goes on should the injector be killed meanwhile */
	if (code == 0)
		code = write_stack(host, place, &call, &sp, err);
	if (code < 0)
		return code;
	regs = call.regs;
	regs.rip = place->shim.syscall_remote;
	regs.rsp = sp;
	regs.rax = (unsigned long)number;
	regs.rdi = arguments[0];
	regs.rsi = arguments[1];
	regs.rdx = arguments[2];
	regs.r10 = arguments[3];
	regs.r8 = arguments[4];
	regs.r9 = arguments[5];
	/* not in a system call: the kernel must not move rip to restart it */
	regs.orig_rax = (unsigned long)-1;
	code = make_syscall(host, &call, &regs, &value, err);
	if (code == 0)
		*ret_value = (int64_t)value;
	return code;
}

/* As after a call whose injector was killed (preload/stubs_x86_64.S). */
int hi_remote_put_off(struct hi_host *host, struct hi_thread *thread,
		      const struct hi_shim_place *place, struct hi_err *err)
{
	struct hi_remote_call call;
	struct user_regs_struct regs;
	uint64_t sp = 0;
	int code = save(thread, &call, err);

	if (code == 0)
		code = write_stack(host, place, &call, &sp, err);
	if (code < 0)
		return code;
	regs = call.regs;
	regs.rip = place->shim.return_remote;
	regs.rsp = sp + 8; /* the return address has been taken */
	regs.orig_rax = (unsigned long)-1;
	regs.eflags &= ~(0x400UL | 0x100UL); /* direction and trap flags */
	code = hi_tracee_set_regs(thread->tid, &regs, err);
	if (code == 0)
		code = hi_tracee_set_sigmask(thread->tid, ~0ULL, err);
	if (code < 0)
		(void)!restore(&call, NULL);
	return code;
}

int hi_remote_map(struct hi_host *host, struct hi_thread *thread,
		  const struct hi_shim_place *place, uint64_t address,
		  size_t len, int prot, uint64_t *ret_remote,
		  struct hi_err *err)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS |
		    (address ? MAP_FIXED_NOREPLACE : 0);
	uint64_t arguments[6] = { address,         len,          (uint64_t)prot,
				  (uint64_t)flags, (uint64_t)-1, 0 };
	int64_t value = 0;
	int code = hi_remote_syscall(host, thread, place, SYS_mmap, arguments,
				     &value, err);

	if (code < 0)
		return code;
	if (value < 0 && value > -4096) {
		errno = (int)-value;
		return hi_fail_sys(err, "mapping %zu bytes in the host", len);
	}
	*ret_remote = (uint64_t)value;
	return 0;
}

int hi_remote_start(struct hi_host *host, struct hi_thread *thread,
		    const struct hi_shim_place *place, uint64_t function_remote,
		    struct hi_remote_call *ret_call, struct hi_err *err)
{
	struct user_regs_struct regs;
	uint64_t zero = 0, sp = 0;
	int code = save(thread, ret_call, err);

	if (code == 0)
		code = write_stack(host, place, ret_call, &sp, err);
	if (code == 0)
		code = hi_remote_write(
			host, place->shim_remote + HI_SHIM_CALL_DONE_AT, &zero,
			8, err);
	if (code < 0)
		return code;
	regs = ret_call->regs;
	regs.rip = function_remote;
	regs.rsp = sp;
	regs.rax = 0;
	regs.orig_rax = (unsigned long)-1;
	regs.eflags &= ~(0x400UL | 0x100UL); /* direction and trap flags */
	/* in this order, so that the stub restores the mask if we are killed */
	code = hi_tracee_set_regs(thread->tid, &regs, err);
	if (code == 0)
		code = hi_tracee_set_sigmask(thread->tid, ~0ULL, err);
	if (code < 0) {
		(void)restore(ret_call, NULL);
		return code;
	}
	thread->held = false;
	thread->wanted = false;
	hi_tracee_resume(thread->tid, 0);
	return 0;
}

static int await_done(struct hi_host *host, const struct hi_shim_place *place,
		      const struct hi_remote_call *call, struct hi_err *err)
{
	uint64_t start = hi_clock_ns();
	uint64_t at = place->shim_remote + HI_SHIM_CALL_DONE_AT;

	for (;;) {
		uint64_t done = 0, waited = hi_clock_ns() - start;
		int code = hi_remote_read(host, at, &done, 8, err);

		if (code < 0)
			return code;
		if (done)
			return 0;
		hi_host_pump(host);
		if (host->ended || !hi_host_find_thread(host, call->tid))
			return hi_fail(err, HI_E_GONE, "thread %d has ended",
				       call->tid);
		if (waited > CALL_LIMIT_NS)
			return hi_fail(err, HI_E_BUSY,
				       "a call in thread %d does not return",
				       call->tid);
		hi_clock_nap_us(waited > SPIN_NS ? 50 : 5);
	}
}

/*
 * Stop the thread, which spins in the shim's end stub; on a crowded machine that
 * may take its time.
 */
static int hold_spinning(struct hi_host *host, struct hi_remote_call *call,
			 struct hi_err *err)
{
	int code = HI_E_BUSY;

	for (int tries = 0; code == HI_E_BUSY && tries < HOLD_TRIES; tries++)
		code = hi_host_hold(host, call->thread, err);
	return code;
}

/* Whether it still spins there, or has taken itself back meanwhile. */
static bool is_in_stub(const struct hi_shim_place *place,
		       const struct hi_remote_call *call)
{
	struct user_regs_struct regs;

	return hi_tracee_get_regs(call->tid, &regs, NULL) == 0 &&
	       regs.rip >= place->shim.return_remote &&
	       regs.rip < place->shim.return_remote + HI_SHIM_RETURN_LEN;
}

int hi_remote_finish(struct hi_host *host, const struct hi_shim_place *place,
		     struct hi_remote_call *call, uint64_t *ret_result,
		     struct hi_err *err)
{
	int code = await_done(host, place, call, err);

	if (code == 0)
		code = hold_spinning(host, call, err);
	if (code < 0)
		return code;
	code = hi_remote_read(host, place->shim_remote + HI_SHIM_CALL_RESULT_AT,
			      ret_result, 8, err);
	if (code == 0 && is_in_stub(place, call))
		code = restore(call, err);
	call->thread->trapped = true;
	hi_host_release(host, call->thread);
	return code;
}
