#include "injector/freeze.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/clock.h"
#include "injector/priority.h"
#include "injector/remote.h"

/*
 * A process that it makes has the memory as it is now, and is not known before the call
 * ends: that is waited for, unless the call waits itself, for what it has vforked.
 */
static bool is_forking(const struct hi_host *host, long number,
		       uint64_t argument)
{
	uint64_t flags = argument;

	if (number == SYS_fork)
		return true;
	if (number != SYS_clone && number != SYS_clone3)
		return false;
	if (number == SYS_clone3 &&
	    hi_remote_read(host, argument, &flags, sizeof(flags), NULL) < 0)
		return false;
	return !(flags & CLONE_VFORK);
}

static bool is_asleep(struct hi_host *host, struct hi_thread *thread,
		      struct hi_look *look)
{
	uint64_t argument, sp, pc;
	long number;

	if (thread->held ||
	    !hi_host_find_sleep(host, thread, &number, &argument, &sp, &pc) ||
	    is_forking(host, number, argument))
		return false;
	look->start.regs.rsp = sp;
	look->start.regs.rip = pc;
	return true;
}

static bool is_new(const struct hi_thread *thread,
		   const struct hi_freeze *freeze)
{
	return !thread->mine && thread->freeze != freeze->started_ns;
}

/* Room for looks at the threads that have none yet: how many. */
static int make_room(const struct hi_host *host, struct hi_freeze *freeze,
		     struct hi_err *err)
{
	struct hi_thread *thread, *next;
	struct hi_look *grown;
	int n = 0;

	HASH_ITER(hh, host->threads, thread, next)
		n += is_new(thread, freeze);
	if (n == 0)
		return 0;
	grown = reallocarray(freeze->looks, freeze->n_looks + (size_t)n,
			     sizeof(*grown));
	if (!grown)
		return hi_fail(err, HI_E_NOMEM, "no memory to stop the host");
	freeze->looks = grown;
	return n;
}

/*
 * Threads that have no look yet, and whether they will have to be stopped: how many
 * there are.
 */
static int sort_out(struct hi_host *host, struct hi_freeze *freeze,
		    struct hi_err *err)
{
	struct hi_thread *thread, *next;
	int n = hi_host_complete(host, err);

	if (n == 0)
		n = make_room(host, freeze, err);

	freeze->n_before = freeze->n_looks;
	if (n <= 0 || !freeze->looks)
		return n;
	HASH_ITER(hh, host->threads, thread, next) {
		struct hi_look *look = &freeze->looks[freeze->n_looks];

		if (!is_new(thread, freeze))
			continue;
		thread->freeze = freeze->started_ns;
		memset(look, 0, sizeof(*look));
		look->tid = thread->tid;
		look->held = !is_asleep(host, thread, look);
		freeze->n_looks++;
	}
	return n;
}

static int ask(struct hi_host *host, struct hi_look *look, struct hi_err *err)
{
	struct hi_thread *thread = hi_host_find_thread(host, look->tid);
	int code = thread ? hi_host_ask(host, thread, err) : HI_E_GONE;

	look->held = true;
	return code == HI_E_GONE ? 0 : code; /* found out by await_held() */
}

/* Those that run are asked to stop, those that have woken up meanwhile, too. */
static int ask_all(struct hi_host *host, struct hi_freeze *freeze,
		   struct hi_err *err)
{
	int code = 0;

	for (size_t i = freeze->n_before; i < freeze->n_looks && code == 0; i++)
		if (freeze->looks[i].held)
			code = ask(host, &freeze->looks[i], err);
	for (size_t i = freeze->n_before; i < freeze->n_looks && code == 0;
	     i++) {
		struct hi_look *look = &freeze->looks[i];
		struct hi_thread *thread = hi_host_find_thread(host, look->tid);

		if (!look->held && (!thread || !is_asleep(host, thread, look)))
			code = ask(host, look, err);
	}
	return code;
}

static int await(struct hi_host *host, struct hi_look *look, struct hi_err *err)
{
	struct hi_thread *thread = hi_host_find_thread(host, look->tid);
	int code = thread ? hi_host_await(host, thread, err) : HI_E_GONE;

	if (code == 0)
		code = hi_tracee_get_regs(look->tid, &look->start.regs, err);
	if (code == 0)
		hi_host_know_regs(thread, &look->start.regs);
	return code;
}

/* Wait for each that was asked to stand. */
static int await_held(struct hi_host *host, struct hi_freeze *freeze,
		      struct hi_err *err)
{
	int code = 0;

	for (size_t i = freeze->n_before; i < freeze->n_looks && code == 0;) {
		struct hi_look *look = &freeze->looks[i];

		code = look->held ? await(host, look, err) : 0;
		if (code == HI_E_GONE && !host->ended) {
			/* ended meanwhile: nothing to look at */
			code = 0;
			*look = freeze->looks[--freeze->n_looks];
			continue;
		}
		look->start.all = look->held;
		i++;
	}
	return code;
}

/* Those that sleep are looked at while the others are on their way, and these all at
   once, with few calls of the kernel. */
static int look_at_all(struct hi_host *host, const struct hi_looker *looker,
		       struct hi_freeze *freeze, struct hi_err *err)
{
	struct hi_look *looks = &freeze->looks[freeze->n_before];
	int code = hi_look_at(looker, looks, freeze->n_looks - freeze->n_before,
			      false, err);

	if (code == 0)
		code = await_held(host, freeze, err);
	if (code == 0)
		code = hi_look_at(looker, looks,
				  freeze->n_looks - freeze->n_before, true,
				  err);
	return code;
}

/* proc(5), voluntary_ctxt_switches; -1 when it is not to be had. */
static long count_sleeps(const struct hi_host *host, pid_t tid)
{
	char path[64], line[128];
	long n = -1;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", host->pid, tid);
	status = fopen(path, "re");
	while (status && n < 0 && fgets(line, sizeof(line), status))
		(void)sscanf(line, "voluntary_ctxt_switches: %ld", &n);
	if (status)
		fclose(status);
	return n;
}

/*
 * Whether it has slept since it was last looked at closely, and was inside. To be
 * stopped again and again would never let the time-out of its call pass.
 */
static bool sleeps_on(struct hi_host *host, const struct hi_looker *looker,
		      struct hi_look *look)
{
	struct hi_thread *thread = hi_host_find_thread(host, look->tid);
	long n;

	if (!looker->brief || !thread ||
	    thread->inside_sp != look->start.regs.rsp ||
	    thread->inside_pc != look->start.regs.rip)
		return false;
	n = count_sleeps(host, look->tid);
	/* the first time, it has just gone back to sleep */
	if (thread->inside_switches < 0)
		thread->inside_switches = n;
	if (n < 0 || n != thread->inside_switches)
		return false;
	if (thread->inside_frame)
		look->inside_pc = thread->inside_frame;
	look->stays = thread->inside_frame &&
		      hi_look_stays(looker, thread->inside_frame);
	return true;
}

/*
 * A sleeper whose frames could not be followed from outside: stop it after all. The
 * system call it sleeps in goes on afterwards (hi_host_release()).
 */
static void look_closer(struct hi_host *host, const struct hi_looker *looker,
			struct hi_look *look)
{
	struct hi_thread *thread = hi_host_find_thread(host, look->tid);
	uint64_t sp = look->start.regs.rsp, pc = look->start.regs.rip;

	if (!thread || hi_host_hold(host, thread, NULL) < 0)
		return;
	if (hi_tracee_get_regs(look->tid, &look->start.regs, NULL) < 0)
		return;
	look->held = true;
	look->start.all = true;
	look->inside = false;
	hi_look_confirm(looker, look);
	thread->inside_sp = look->inside ? sp : 0;
	thread->inside_pc = pc;
	thread->inside_frame = look->inside_frame;
	thread->inside_switches = -1;
}

/* What the first look says maybe of. */
static void confirm_all(struct hi_host *host, const struct hi_looker *looker,
			struct hi_freeze *freeze)
{
	bool may_stay = hi_look_may_stay(looker);

	if (looker->brief && !may_stay && hi_freeze_find_inside(freeze))
		return;
	for (size_t i = 0; i < freeze->n_looks; i++) {
		struct hi_look *look = &freeze->looks[i];

		/* its outermost frame is not known from its program counter */
		if (look->inside ? !may_stay : look->n_words == 0)
			continue;
		hi_look_confirm(looker, look);
		if (look->inside && !look->held &&
		    !sleeps_on(host, looker, look))
			look_closer(host, looker, look);
		if (look->inside && !look->stays && looker->brief)
			return;
	}
}

static void drop(void *context, const uint64_t *words, size_t n)
{
	(void)context;
	(void)words;
	(void)n;
}

/*
 * Read the stacks as they were when last seen, while the host runs: once it
 * stands, the processor has at hand what the kernel needs to read them. That makes
 * a stop of many threads shorter by a sixth.
 */
static void rehearse(struct hi_host *host, const struct hi_freeze *freeze)
{
	struct hi_stack *HI_FREE stacks =
		calloc(freeze->n_looks + 1, sizeof(*stacks));
	size_t n = 0;

	for (size_t i = 0; stacks && i < freeze->n_looks; i++) {
		const struct hi_thread *thread =
			hi_host_find_thread(host, freeze->looks[i].tid);

		if (!thread || !freeze->looks[i].held || !thread->seen_sp)
			continue;
		stacks[n].sp = thread->seen_sp;
		stacks[n++].fs_base = thread->seen_fs_base;
	}
	if (n > 0)
		hi_stacks_read_many(host, stacks, n, drop);
}

int hi_freeze(struct hi_host *host, const struct hi_looker *looker,
	      struct hi_freeze *ret_freeze, struct hi_err *err)
{
	struct hi_freeze freeze = { .started_ns = hi_clock_ns() };
	int code = sort_out(host, &freeze, err);

	rehearse(host, &freeze);
	freeze.fifo = hi_priority_raise(HI_PRIORITY_SELF);
	freeze.limited = hi_limit_begin(&host->limit, HI_HOST_SLICE_NS);
	freeze.stopped_ns = hi_clock_ns();
	/* again for threads that others have started before they stood */
	while (code > 0) {
		code = ask_all(host, &freeze, err);
		if (code == 0)
			code = look_at_all(host, looker, &freeze, err);
		if (code == 0)
			code = sort_out(host, &freeze, err);
	}
	if (code < 0) {
		hi_thaw(host, &freeze);
		hi_freeze_done(&freeze);
		return code;
	}
	confirm_all(host, looker, &freeze);
	*ret_freeze = freeze;
	return 0;
}

void hi_thaw(struct hi_host *host, struct hi_freeze *freeze)
{
	for (size_t i = 0; i < freeze->n_looks; i++) {
		struct hi_thread *thread =
			hi_host_find_thread(host, freeze->looks[i].tid);

		if (thread && (freeze->looks[i].held || thread->wanted))
			hi_host_release(host, thread);
	}
	freeze->paused_ns = hi_clock_ns() - freeze->stopped_ns;
	if (freeze->limited)
		hi_limit_end(&host->limit);
	if (freeze->fifo)
		hi_priority_lower(HI_PRIORITY_SELF);
}

void hi_freeze_done(struct hi_freeze *freeze)
{
	for (size_t i = 0; i < freeze->n_looks; i++)
		hi_look_done(&freeze->looks[i]);
	free(freeze->looks);
	freeze->looks = NULL;
	freeze->n_looks = 0;
}

struct hi_look *hi_freeze_find_inside(const struct hi_freeze *freeze)
{
	struct hi_look *found = NULL;

	for (size_t i = 0; i < freeze->n_looks; i++)
		if (freeze->looks[i].inside &&
		    (!found || (found->stays && !freeze->looks[i].stays)))
			found = &freeze->looks[i];
	return found;
}

bool hi_freeze_is_inside(const struct hi_freeze *freeze,
			 const struct hi_build *build)
{
	for (size_t i = 0; i < freeze->n_looks; i++) {
		const struct hi_look *look = &freeze->looks[i];

		if (!look->inside)
			continue;
		if (hi_build_covers(build, look->start.regs.rip))
			return true;
		for (size_t w = 0; w < look->n_words; w++)
			if (hi_build_covers(build, look->words[w].address))
				return true;
	}
	return false;
}

const struct hi_look *hi_freeze_find_between(const struct hi_freeze *freeze,
					     uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < freeze->n_looks; i++) {
		const struct hi_look *look = &freeze->looks[i];
		uint64_t pc = look->start.regs.rip;

		if (pc > start && pc < end)
			return look;
		for (size_t w = 0; w < look->n_words; w++)
			if (look->words[w].address > start &&
			    look->words[w].address < end)
				return look;
	}
	return NULL;
}
