/*
 * What a thread has registered to be called when it is cancelled or exits: two lists
 * whose entries are in the frames that made them.
 */
#include "injector/held_locks.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The kernel knows where the thread's descriptor has its list of robust mutexes. In the
 * descriptor there follow (nptl/descr.h)
 *
 *     struct _pthread_cleanup_buffer *cleanup;
 *     struct pthread_unwind_buf *cleanup_jmp_buf;
 *
 * and an entry's next older one is at (pthread.h, nptl/descr.h)
 */
static const uint64_t older_at[2] = {
	24, /* routine, argument, cancel type */
	72, /* registers, whether there is a signal mask */
};

#define DESCRIPTOR_MAX 4096
#define CHAIN_MAX      64

static bool is_abandoned(const struct hi_abandoned *call, uint64_t remote)
{
	return remote >= call->regs->rsp && remote < call->host_sp;
}

/* The newest entry that stays. */
static int find_oldest(const struct hi_abandoned *call, uint64_t at,
		       uint64_t *entry, struct hi_err *err)
{
	int code = 0;

	for (int i = 0; code == 0 && is_abandoned(call, *entry); i++) {
		if (i == CHAIN_MAX)
			return hi_fail(err, HI_E_HOST,
				       "the cleanup handlers of thread %d have "
				       "no end",
				       call->thread->tid);
		code = hi_remote_read(call->host, *entry + at, entry, 8, err);
	}
	return code;
}

int hi_held_locks_forget_handlers(const struct hi_abandoned *call,
				  struct hi_err *err)
{
	const uint64_t descriptor = call->regs->fs_base;
	uint64_t head = 0, entries[2] = { 0 }, was[2];
	size_t len = 0;
	int code;

	if (syscall(SYS_get_robust_list, call->thread->tid, &head, &len) != 0 ||
	    len != sizeof(struct robust_list_head) || head < descriptor ||
	    head - descriptor > DESCRIPTOR_MAX)
		return 0; /* not of this C library */
	head += len;
	code = hi_remote_read(call->host, head, was, sizeof(was), err);
	for (int i = 0; i < 2 && code == 0; i++) {
		entries[i] = was[i];
		code = find_oldest(call, older_at[i], &entries[i], err);
	}
	if (code < 0 || (was[0] == entries[0] && was[1] == entries[1]))
		return code;
	return hi_remote_write(call->host, head, entries, sizeof(entries), err);
}
