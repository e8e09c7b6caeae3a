#include "injector/guard_parts.h"

#include <signal.h>
#include <string.h>

#include "injector/hold.h"
#include "injector/large_result.h"
#include "injector/zero_x86_64.h"

#define BIT(signal) (1ULL << ((signal)-1))
/* Of the C library, around a system call. */
#define SLEEP_FRAMES 3
/* A thread blocks all of these or none. */
#define FAULTS \
	(BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE) | BIT(SIGABRT))

/*
 * A blocked signal is unblocked by the kernel before it comes by a fault, and by
 * abort(): the host, which goes on, had it blocked.
 */
static int restore_mask(const struct hi_thread *thread, int signal,
			struct hi_err *err)
{
	uint64_t others = FAULTS & ~BIT(signal), mask;
	int code = hi_tracee_get_sigmask(thread->tid, &mask, err);

	if (code == 0 && (mask & others) == others && !(mask & BIT(signal)))
		code = hi_tracee_set_sigmask(thread->tid, mask | BIT(signal),
					     err);
	return code;
}

/* What the host has called, if that is known by name; its .cold part is in it. */
static struct hi_function *find_function(const struct hi_escape *escape)
{
	struct hi_build *build = escape->build;
	uint64_t link = escape->entered_pc - build->base_remote;
	const struct hi_symbol *symbol, *all;
	size_t n;

	if (!build->symtab || !build->functions)
		return NULL;
	symbol = hi_symtab_find_function_at(build->symtab, link);
	if (!symbol)
		return NULL;
	if (!symbol->clone)
		return build->functions[hi_build_function_index(build, symbol)];
	all = hi_symtab_get_functions(build->symtab, &n);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(all[i].name);

		/* the part is local, the whole need not be */
		if (!all[i].clone &&
		    (!all[i].file[0] || !strcmp(all[i].file, symbol->file)) &&
		    !strncmp(all[i].name, symbol->name, len) &&
		    symbol->name[len] == '.')
			return build->functions[i];
	}
	return NULL;
}

static void hold(const struct hi_guard *guard, struct hi_crash *crash,
		 const struct hi_result *result)
{
	struct hi_function *function = crash->function;

	/* newer code is there already */
	if (!function || function->current != crash->escape.build ||
	    !function->slot.slot_remote)
		return;
	crash->held = hi_hold(function, guard->host, guard->place, result,
			      &crash->why_not) == 0;
}

/* Of what the host has called; of a build that is long retired, it is not known. */
static struct hi_result find_result(const struct hi_escape *escape)
{
	const struct hi_build *build = escape->build;

	if (!build->image)
		return (struct hi_result){ HI_RESULT_UNKNOWN, 0 };
	return hi_result_get(build->image,
			     escape->entered_pc - build->base_remote);
}

static unsigned int count_x87(const struct hi_result *result)
{
	if (result->kind == HI_RESULT_X87_PAIR)
		return 2;
	return result->kind == HI_RESULT_X87;
}

/* The registers last: until then the thread is as it was. */
static int leave(const struct hi_guard *guard, struct hi_thread *thread,
		 struct hi_crash *crash, struct hi_err *err)
{
	const struct hi_escape *escape = &crash->escape;
	struct hi_result result = find_result(escape);
	int code = 0;

	crash->function = find_function(escape);
	crash->escape.regs.rax =
		result.kind == HI_RESULT_MEMORY ?
			hi_large_result_clear(guard->host, guard->unwinder,
					      &escape->regs, result.size) :
			0;
	if (crash->fault.signal)
		code = restore_mask(thread, crash->fault.signal, err);
	if (code == 0 && crash->fault.signal)
		hold(guard, crash, &result);
	if (code == 0)
		hi_guard_free_locks(guard, thread, crash);
	if (code == 0)
		code = hi_zero_return(thread, &escape->regs, count_x87(&result),
				      err);
	return code;
}

static int escape(const struct hi_guard *guard, const struct hi_thread *thread,
		  struct hi_crash *crash, struct hi_err *err)
{
	struct hi_start_regs start = { true, crash->fault.regs };

	crash->tid = thread->tid;
	return hi_escape_find(guard->host, guard->unwinder, guard->workers,
			      guard->n_workers, thread->tid, &start,
			      &crash->escape, err);
}

int hi_guard_catch(const struct hi_guard *guard, struct hi_thread *thread,
		   int signal, struct hi_crash *ret_crash, struct hi_err *err)
{
	struct hi_crash crash = { .function = NULL };
	int code;

	if (!hi_fault_read(thread, guard->host->pid, signal, &crash.fault))
		return HI_E_CLOSED;
	code = escape(guard, thread, &crash, err);
	if (code == 0 && guard->mode != HI_GUARD_OFF)
		code = leave(guard, thread, &crash, err);
	/* which may be where ERR is */
	if (code < 0 && err)
		crash.why_not = *err;
	*ret_crash = crash;
	return code;
}

/* Sleeps in a system call that one library, and nothing of the host, has made for the
   worker. */
static bool is_asleep(const struct hi_guard *guard,
		      const struct hi_crash *crash)
{
	const struct hi_escape *escape = &crash->escape;
	const char *first;

	if ((long)crash->fault.regs.orig_rax < 0 ||
	    escape->n_before > SLEEP_FRAMES)
		return false;
	first = hi_unwinder_get_module(guard->unwinder, escape->frames[0].pc);
	for (size_t i = 1; i < escape->n_before; i++)
		if (strcmp(first,
			   hi_unwinder_get_module(guard->unwinder,
						  escape->frames[i].pc)) != 0)
			return false;
	return true;
}

int hi_guard_kick(const struct hi_guard *guard, struct hi_thread *thread,
		  bool old, struct hi_crash *ret_crash, struct hi_err *err)
{
	struct hi_crash crash = { .function = NULL };
	int code = hi_tracee_get_regs(thread->tid, &crash.fault.regs, err);

	if (code == 0)
		code = escape(guard, thread, &crash, err);
	if (code == 0 && old &&
	    crash.escape.build == crash.escape.worker->current)
		return HI_E_CLOSED;
	if (code == 0 && crash.escape.n_before > 0 && !is_asleep(guard, &crash))
		code = hi_fail(err, HI_E_BUSY,
			       "thread %d is in a function that %s has called "
			       "and that is not its own",
			       thread->tid, crash.escape.worker->name);
	if (code == 0)
		code = leave(guard, thread, &crash, err);
	*ret_crash = crash;
	return code;
}
