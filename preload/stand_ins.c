/*
 * The stand-ins: what could end the host, for a build that is being loaded. Any other
 * thread, and the build itself once it is live, gets what it asked for.
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/guarded.h"

/* In the order of the table below. */
enum stand_in {
	EXIT,
	EXIT_AT_ONCE,
	EXIT_AT_ONCE_ISO,
	QUICK_EXIT,
	ABORT,
	ERR,
	ERRX,
	RAISE,
	KILL,
	KILLPG,
	TGKILL,
	PTHREAD_KILL,
	SIGQUEUE,
	SYSCALL,
};

static void leave_if_here(enum stand_in at)
{
	if (hi_guarded_is_here())
		hi_guarded_leave(at, 0);
}

static void instead_of_exit(int status)
{
	leave_if_here(EXIT);
	exit(status);
}

static void instead_of_exit_at_once(int status)
{
	leave_if_here(EXIT_AT_ONCE);
	_exit(status);
}

static void instead_of_exit_at_once_iso(int status)
{
	leave_if_here(EXIT_AT_ONCE_ISO);
	_Exit(status);
}

static void instead_of_quick_exit(int status)
{
	leave_if_here(QUICK_EXIT);
	quick_exit(status);
}

static void instead_of_abort(void)
{
	leave_if_here(ABORT);
	abort();
}

/* The message is the build's own. */
static void instead_of_err(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!hi_guarded_is_here())
		verr(status, format, args);
	vwarn(format, args);
	va_end(args);
	hi_guarded_leave(ERR, 0);
}

static void instead_of_errx(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!hi_guarded_is_here())
		verrx(status, format, args);
	vwarnx(format, args);
	va_end(args);
	hi_guarded_leave(ERRX, 0);
}

/* signal(7): the default action of all others is to end the process. */
static bool is_harmless(int number)
{
	static const int numbers[] = { 0,       SIGCHLD,  SIGCONT,
				       SIGURG,  SIGWINCH, SIGSTOP,
				       SIGTSTP, SIGTTIN,  SIGTTOU };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (number == numbers[i])
			return true;
	return false;
}

/* A host that catches one of these does so to end in good order. */
static bool asks_to_end(int number)
{
	return number == SIGTERM || number == SIGINT || number == SIGQUIT;
}

static void leave_if_fatal(enum stand_in at, int number)
{
	int saved = errno;
	struct sigaction action;

	if (!hi_guarded_is_here() || is_harmless(number))
		return;
	if (sigaction(number, NULL, &action) != 0) {
		errno = saved; /* no signal at all: the real one says so */
		return;
	}
	if (action.sa_handler == SIG_DFL ||
	    (action.sa_handler != SIG_IGN && asks_to_end(number)))
		hi_guarded_leave(at, number);
}

static bool is_this_process(pid_t pid)
{
	return pid == 0 || pid == -1 || pid == getpid() || pid == -getpgrp();
}

/*
 * The loader's thread blocks the host's signals, so one for itself would never
 * arrive; the host's other threads take it.
 */
static bool would_stay(int number)
{
	sigset_t blocked;

	return hi_guarded_is_here() &&
	       pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 &&
	       sigismember(&blocked, number) == 1;
}

static int instead_of_raise(int number)
{
	leave_if_fatal(RAISE, number);
	return would_stay(number) ? kill(getpid(), number) : raise(number);
}

static int instead_of_kill(pid_t pid, int number)
{
	if (is_this_process(pid))
		leave_if_fatal(KILL, number);
	return kill(pid, number);
}

static int instead_of_killpg(pid_t group, int number)
{
	if (group == 0 || group == getpgrp())
		leave_if_fatal(KILLPG, number);
	return killpg(group, number);
}

static int instead_of_tgkill(pid_t pid, pid_t tid, int number)
{
	if (pid == getpid())
		leave_if_fatal(TGKILL, number);
	if (tid == hi_shim.load.thread && would_stay(number))
		return kill(pid, number);
	return (int)syscall(SYS_tgkill, pid, tid, number);
}

static int instead_of_pthread_kill(pthread_t thread, int number)
{
	leave_if_fatal(PTHREAD_KILL, number);
	if (pthread_equal(thread, pthread_self()) && would_stay(number))
		return kill(getpid(), number) == 0 ? 0 : errno;
	return pthread_kill(thread, number);
}

static int instead_of_sigqueue(pid_t pid, int number, union sigval value)
{
	if (is_this_process(pid))
		leave_if_fatal(SIGQUEUE, number);
	return sigqueue(pid, number, value);
}

/* As many arguments as a system call can have; those not given are noise, which the
   kernel does not look at. */
static long instead_of_syscall(long number, long a, long b, long c, long d,
			       long e, long f)
{
	if (number == SYS_exit_group)
		leave_if_here(SYSCALL);
	if ((number == SYS_kill || number == SYS_rt_sigqueueinfo) &&
	    is_this_process((pid_t)a))
		leave_if_fatal(SYSCALL, (int)b);
	if (number == SYS_tkill)
		leave_if_fatal(SYSCALL, (int)b);
	if (number == SYS_tgkill && (pid_t)a == getpid())
		leave_if_fatal(SYSCALL, (int)c);
	return syscall(number, a, b, c, d, e, f);
}

void hi_guarded_init(void)
{
	static const struct {
		const char *name;
		uintptr_t address;
	} table[] = {
		[EXIT] = { "exit", (uintptr_t)instead_of_exit },
		[EXIT_AT_ONCE] = { "_exit",
				   (uintptr_t)instead_of_exit_at_once },
		[EXIT_AT_ONCE_ISO] = { "_Exit",
				       (uintptr_t)instead_of_exit_at_once_iso },
		[QUICK_EXIT] = { "quick_exit",
				 (uintptr_t)instead_of_quick_exit },
		[ABORT] = { "abort", (uintptr_t)instead_of_abort },
		[ERR] = { "err", (uintptr_t)instead_of_err },
		[ERRX] = { "errx", (uintptr_t)instead_of_errx },
		[RAISE] = { "raise", (uintptr_t)instead_of_raise },
		[KILL] = { "kill", (uintptr_t)instead_of_kill },
		[KILLPG] = { "killpg", (uintptr_t)instead_of_killpg },
		[TGKILL] = { "tgkill", (uintptr_t)instead_of_tgkill },
		[PTHREAD_KILL] = { "pthread_kill",
				   (uintptr_t)instead_of_pthread_kill },
		[SIGQUEUE] = { "sigqueue", (uintptr_t)instead_of_sigqueue },
		[SYSCALL] = { "syscall", (uintptr_t)instead_of_syscall },
	};

	_Static_assert(sizeof(table) / sizeof(table[0]) < HI_SHIM_STAND_INS_MAX,
		       "an empty name ends the list");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct hi_shim_stand_in *stand_in = &hi_shim.stand_ins[i];

		strncpy(stand_in->name, table[i].name,
			sizeof(stand_in->name) - 1);
		stand_in->address_remote = table[i].address;
	}
}
