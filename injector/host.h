/*
 * host - the traced process: its threads, and what they report.
 *
 * Every thread is seized from its first instruction on (PTRACE_O_TRACECLONE), so
 * the set is complete; a thread runs unless it is held. Reports that are the
 * host's own affair (signals, job control, new threads) are passed on here.
 *
 * Ownership: hi_host_new() gives a host that hi_host_free() ends; threads belong
 *            to it and live until they are reported ended.
 * Errors:    HI_E_GONE when the host or the thread has ended, HI_E_BUSY when a
 *            thread cannot be stopped (an uninterruptible wait).
 * Threads:   the one that traces.
 * Source:    ptrace(2).
 */
#ifndef HI_INJECTOR_HOST_H
#define HI_INJECTOR_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
/* without memory there is an element less, which the caller sees */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "common/err.h"
#include "injector/clock.h"
#include "injector/limit.h"
#include "injector/tracee.h"

struct hi_thread {
	pid_t tid;
	bool held;    /* in a stop, and stays there until it is resumed */
	bool wanted;  /* an interrupt is under way */
	bool trapped; /* held by our interrupt, not by an event of its own */
	bool mine;    /* the shim's loader: never inside the worker for long */
	bool watched; /* a process before its exec: system calls stop it ... */
	bool group;   /* stopped by job control: resumed by listening */
	bool plain;   /* held, and no system call is to be made again */
	unsigned int n_watched; /* ... up to HI_HOST_WATCHED_MAX times */
	int signal;             /* delivered when it is resumed */
	int again_signal;       /* came amid a call of ours: to be sent again */
	uint64_t freeze;        /* the last one that has looked at it */
	uint64_t seen_sp, seen_fs_base; /* when its registers were last known */
	/* it slept there inside the worker; and how often it has slept, or -1 */
	uint64_t inside_sp, inside_pc;
	long inside_switches;
	uint64_t inside_frame; /* the outermost one there, or 0: not known */
	uint64_t again_rip; /* a system call that it makes again: see release */
	uint64_t again_since_ns;   /* that was ended by us first; 0: none was */
	unsigned long again_flags; /* as again.c found them then */
	int proc_fd; /* /proc/PID/task/TID/syscall, -1 until it is read */
	UT_hash_handle hh;
};

struct hi_host;

/* What the owner of the host wants to hear of; each may be NULL. */
struct hi_host_hooks {
	void *context;
	/* A new program stands before its first instruction; thread is held. */
	void (*on_exec)(void *context, struct hi_host *host,
			struct hi_thread *thread);
	/*
	 * SIGNAL is about to be delivered; the thread is held. True when that
	 * was ours: the signal is dropped (and the thread resumed unless the hook left it
	 * with thread->wanted set).
	 */
	bool (*on_signal)(void *context, struct hi_host *host,
			  struct hi_thread *thread, int signal);
	/* A watched thread is at a system call. True when its process is to be
	   let go. */
	bool (*on_syscall)(struct hi_host *host, struct hi_thread *thread);
	/* A stop of another process; HI_STOP_NONE when the host has just forked
	   it. False when nobody wants it. */
	bool (*on_stranger)(void *context, const struct hi_stop *stop);
};

struct hi_host {
	pid_t pid;
	bool incomplete; /* there was no memory for one of its threads */
	bool leaving;    /* each thread is let go when it is released */
	int mem_fd;      /* /proc/PID/mem, of the current program */
	struct hi_thread *threads; /* uthash by tid */
	struct hi_host_hooks hooks;
	/* of a wait for a thread to stand; who waits for many begins it before */
	struct hi_limit limit;
	bool ended;
	int status;    /* of waitpid(2), once ended */
	char name[32]; /* of the program, for messages */
};

struct hi_host *hi_host_new(pid_t pid);
/* Threads that still run are left to run; the host is not ended. */
void hi_host_free(struct hi_host *host);

/* Open the memory of the program that runs now; after the start and an exec. */
int hi_host_reopen(struct hi_host *host, struct hi_err *err) HI_MUST_USE;

/* NULL when there is no memory. */
struct hi_thread *hi_host_add_thread(struct hi_host *host, pid_t tid);
/* Add those that there was no memory for when they were made. */
int hi_host_complete(struct hi_host *host, struct hi_err *err) HI_MUST_USE;
struct hi_thread *hi_host_find_thread(struct hi_host *host, pid_t tid);

/* Whether TID, which need not be known yet, is one of the host's threads. */
bool hi_host_owns(const struct hi_host *host, pid_t tid);

/* One report about a thread of the host. */
void hi_host_take(struct hi_host *host, const struct hi_stop *stop);
/* Take every report that is pending; never blocks. */
void hi_host_pump(struct hi_host *host);
/* A thread is gone: whether the whole host is, the news of which comes last. Waits for
   half a second. */
bool hi_host_await_end(struct hi_host *host);

/* One that makes so many system calls before it executes a program hardly will: it is
   not to be slow for ever. */
#define HI_HOST_WATCHED_MAX 10000

/* After which a wait is broken off to look around. */
#define HI_HOST_SLICE_NS (10 * HI_NS_PER_MS)

/* Hold a thread: it is stopped when this returns 0. */
int hi_host_hold(struct hi_host *host, struct hi_thread *thread,
		 struct hi_err *err) HI_MUST_USE;
/* The two halves: ask many first, then wait for each. */
int hi_host_ask(struct hi_host *host, struct hi_thread *thread,
		struct hi_err *err) HI_MUST_USE;
int hi_host_await(struct hi_host *host, struct hi_thread *thread,
		  struct hi_err *err) HI_MUST_USE;
/* Hold every thread that can be held; and let go of all but KEEP (or NULL). */
void hi_host_hold_all(struct hi_host *host);
void hi_host_release_all(struct hi_host *host, const struct hi_thread *keep);
/* REGS are those of a held thread: letting it go need not read them again. */
void hi_host_know_regs(struct hi_thread *thread,
		       const struct user_regs_struct *regs);
/*
 * Let it go on. A system call that ends with EINTR after any stop (signal(7)) and
 * that only our interrupt has ended is made again, so that the host does not
 * see the interrupt.
 */
void hi_host_release(struct hi_host *host, struct hi_thread *thread);

/* Close what is only kept to be quicker the next time: of one thread, of all. */
void hi_host_close_fd(struct hi_thread *thread);
void hi_host_close_fds(struct hi_host *host);

/*
 * What the thread does without stopping it: its system call's text in
 * /proc/PID/task/TID/syscall (proc(5)). Returns false when it is running or has
 * ended; otherwise it sleeps with these two registers, in a call with that first
 * argument.
 */
bool hi_host_find_sleep(struct hi_host *host, struct hi_thread *thread,
			long *ret_number, uint64_t *ret_argument,
			uint64_t *ret_sp, uint64_t *ret_pc);

#endif
