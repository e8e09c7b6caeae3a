/*
 * The part of the loader that has the build's own code run: its IFUNC resolvers and its
 * constructors. Whatever they do, the host goes on.
 */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "injector/clock.h"
#include "injector/loader_parts.h"
#include "injector/signals.h"

#define RUN_LIMIT_NS (5 * HI_NS_PER_S)

/*
 * Send a thread that is in the build's code back to the shim. Its own stack may be
 * full, so it leaves on that of the remote calls, aligned as at a function's entry.
 */
static int abandon(const struct hi_loader *loader, struct hi_thread *thread)
{
	struct user_regs_struct regs;

	if (hi_tracee_get_regs(thread->tid, &regs, NULL) < 0)
		return -1;
	regs.rsp = (loader->place->stack_remote & ~15ULL) - 8;
	regs.rip = loader->place->shim.abandon_remote;
	regs.orig_rax = (unsigned long)-1;
	return hi_tracee_set_regs(thread->tid, &regs, NULL);
}

/* Code that does not return is left behind like code that crashed. */
static void end_endless(struct hi_loader *loader)
{
	struct hi_thread *thread =
		hi_host_find_thread(loader->host, loader->thread);

	if (thread && hi_host_hold(loader->host, thread, NULL) == 0) {
		(void)abandon(loader, thread);
		thread->trapped = false;
		hi_host_release(loader->host, thread);
	}
}

static const char *name_of(int signal)
{
	const char *name = sigabbrev_np(signal);

	return name ? name : "RT";
}

/* WHO has not come back: why. */
static int fail_run(const struct hi_loader *loader, const char *who,
		    struct hi_err *err)
{
	uint32_t at = loader->load.ended_by - 1;

	if (loader->load.end_signal)
		return hi_fail(err, HI_E_LOAD,
			       "%s tried to end the host (SIG%s)", who,
			       name_of(loader->load.end_signal));
	if (at < HI_SHIM_STAND_INS_MAX)
		return hi_fail(err, HI_E_LOAD, "%s tried to end the host (%s)",
			       who, loader->place->shim.stand_ins[at].name);
	if (loader->crash_signal)
		return hi_fail(err, HI_E_LOAD, "%s crashed (SIG%s)", who,
			       name_of(loader->crash_signal));
	return hi_fail(err, HI_E_LOAD, "%s did not return", who);
}

/* Have the loader run what GO asks for, until it is through with it. */
static int run(struct hi_loader *loader, enum hi_load_go go, struct hi_err *err)
{
	/* step, go, ended_by, end_signal: the loader waits for the second */
	uint32_t words[4] = { HI_LOAD_RUNNING, go, 0, 0 };
	int code;

	_Static_assert(offsetof(struct hi_shim_load, end_signal) == 12,
		       "four words are written together");
	loader->crash_signal = 0;
	code = hi_remote_write(loader->host,
			       hi_loader_load_remote(loader) +
				       offsetof(struct hi_shim_load, step),
			       words, sizeof(words), err);
	if (code == 0)
		code = hi_loader_await_beyond(loader, HI_LOAD_RUNNING,
					      RUN_LIMIT_NS, err);
	if (code == HI_E_BUSY)
		end_endless(loader);
	return code;
}

/* The sentence for a run that ended with CODE, or with a failure of WHO. */
static int judge_run(const struct hi_loader *loader, int code, const char *who,
		     struct hi_err *err)
{
	if (code == HI_E_BUSY)
		return hi_fail(err, HI_E_LOAD,
			       "%s had not returned after %llu s", who,
			       RUN_LIMIT_NS / HI_NS_PER_S);
	if (code == HI_E_LOAD)
		return hi_fail(err, HI_E_LOAD, "%s ended its thread", who);
	if (code == 0 && loader->load.step == HI_LOAD_FAILED)
		return fail_run(loader, who, err);
	return code;
}

/*
 * A signal that waits for the loader's thread alone, which blocks it: the build has
 * sent it to itself in a way that no stand-in has seen. 0: none that is new and
 * ends a process.
 */
static int find_stuck_signal(struct hi_loader *loader)
{
	uint64_t pending =
		hi_signals_get_stuck(loader->host->pid, loader->thread);
	uint64_t fresh = pending;

	/* a thread that lingers keeps them from load to load */
	if (loader->stuck_thread == loader->thread)
		fresh &= ~loader->stuck;
	loader->stuck_thread = loader->thread;
	loader->stuck = pending;
	return fresh ? __builtin_ctzll(fresh) + 1 : 0;
}

int hi_loader_construct(struct hi_loader *loader, struct hi_err *err)
{
	const char *who = "a constructor";
	int code = run(loader, HI_GO_CONSTRUCT, err);

	code = judge_run(loader, code, who, err);
	if (code == 0)
		loader->load.end_signal = find_stuck_signal(loader);
	if (code == 0 && loader->load.end_signal)
		return fail_run(loader, who, err);
	return code;
}

static uint64_t resolvers_remote(const struct hi_loader *loader)
{
	return hi_loader_load_remote(loader) +
	       offsetof(struct hi_shim_load, resolvers);
}

/* Up to HI_SHIM_RESOLVERS_MAX of them; *ret_at is the one that failed. */
static int resolve_some(struct hi_loader *loader, uint64_t *addresses, size_t n,
			uint32_t *ret_at, struct hi_err *err)
{
	uint32_t words[2] = { (uint32_t)n, 0 };
	uint64_t at = hi_loader_load_remote(loader) +
		      offsetof(struct hi_shim_load, n_resolvers);
	int code = hi_remote_write(loader->host, resolvers_remote(loader),
				   addresses, n * 8, err);

	if (code == 0)
		code = hi_remote_write(loader->host, at, words, sizeof(words),
				       err);
	if (code < 0)
		return code;
	code = run(loader, HI_GO_RESOLVE, err);
	if (hi_remote_read(loader->host, at, words, sizeof(words), NULL) == 0)
		*ret_at = words[1];
	if (code == 0 && loader->load.step == HI_LOAD_RESOLVED)
		code = hi_remote_read(loader->host, resolvers_remote(loader),
				      addresses, n * 8, err);
	return code;
}

int hi_loader_resolve(struct hi_loader *loader, uint64_t *addresses, size_t n,
		      hi_resolver_name *name, const void *context,
		      struct hi_err *err)
{
	int code = 0;

	for (size_t done = 0; done < n && code == 0;) {
		size_t some = n - done < HI_SHIM_RESOLVERS_MAX ?
				      n - done :
				      HI_SHIM_RESOLVERS_MAX;
		uint32_t at = 0;
		char who[200];

		code = resolve_some(loader, addresses + done, some, &at, err);
		snprintf(who, sizeof(who), "the resolver of %s()",
			 name(context, done + at));
		code = judge_run(loader, code, who, err);
		done += some;
	}
	return code;
}

bool hi_loader_on_signal(struct hi_loader *loader, struct hi_thread *thread,
			 int signal)
{
	bool crash = signal == SIGSEGV || signal == SIGBUS ||
		     signal == SIGFPE || signal == SIGILL ||
		     signal == SIGTRAP || signal == SIGABRT || signal == SIGSYS;

	if (!crash || hi_loader_read(loader, NULL) < 0 ||
	    thread->tid != loader->load.thread ||
	    loader->load.step != HI_LOAD_RUNNING)
		return false;
	loader->crash_signal = signal;
	return abandon(loader, thread) == 0;
}
