/*
 * follow - the processes that the started program forks, as long as it is not
 * known which of them has the worker: a script may start the real host and wait for
 * it.
 *
 * Once the host is known, its forefathers are still followed, because they may
 * start it again; all others are let go, and what the host forks is another matter
 * (brood.h). A process that is about to execute a
 * program with rights of its own (sudo) is let go before, because under ptrace the
 * kernel would not give it these rights. For that, its system calls stop it; but not
 * for ever, see HI_HOST_WATCHED_MAX.
 *
 * Ownership: the relatives belong to the struct hi_follow; hi_follow_swap()
 *            exchanges one with the caller's.
 * Errors:    what cannot be followed is let go.
 * Threads:   the one that traces.
 * Source:    ptrace(2), PTRACE_O_TRACEFORK; execve(2), "setuid".
 */
#ifndef HI_INJECTOR_FOLLOW_H
#define HI_INJECTOR_FOLLOW_H

#include <stdbool.h>

#include "injector/host.h"
#include "injector/launch.h"

/* A process as it is followed. */
struct hi_followed {
	struct hi_host *host;
	struct hi_entry_stop entry;
	bool entered; /* its program has passed the entry point */
	bool executed; /* a program since it was forked; else it has its parent's */
};

struct hi_relative {
	struct hi_followed is;
	bool unwanted; /* let go as soon as no breakpoint is in it */
	struct hi_relative *next;
};

struct hi_follow {
	struct hi_relative *relatives;
};

/*
 * A stop of a thread that is not of SELF: passed on to the relative that it
 * belongs to. The first one of a new process makes a relative when FORKS.
 * False when nobody wants it.
 */
bool hi_follow_take(struct hi_follow *follow, const struct hi_followed *self,
		    const struct hi_stop *stop, bool forks);
/*
 * A relative that has not executed a program yet is at a system call. True when it
 * has to be let go.
 */
bool hi_follow_at_syscall(struct hi_host *host, struct hi_thread *thread);

/* The one that TID is a thread of, or NULL. */
struct hi_relative *hi_follow_find_owner(const struct hi_follow *follow,
					 pid_t tid);
struct hi_relative *hi_follow_find(const struct hi_follow *follow,
				   const struct hi_host *host);
struct hi_relative *hi_follow_find_pid(const struct hi_follow *follow,
				       pid_t pid);
/* One that has not come to its program's entry point yet, or NULL. */
struct hi_relative *hi_follow_find_new(const struct hi_follow *follow);

void hi_follow_swap(struct hi_relative *relative, struct hi_followed *self);
/* SELF is the host: let go of all but its forefathers. What it vforks is not traced. */
void hi_follow_settle(struct hi_follow *follow, struct hi_host *self);
/* Let go of one that is looked after by another process of ours from then on. */
void hi_follow_leave(struct hi_relative *relative);
/* The relative has passed its entry point. */
void hi_follow_entered(struct hi_relative *relative);
/* Forget those that have ended; not from within a hook. */
void hi_follow_clean(struct hi_follow *follow);
void hi_follow_done(struct hi_follow *follow);

#endif
