/*
 * A host that has something to lose around a call that crashes. Each question is the
 * name of a fault; the answer is "ok", or what is not as it was.
 *
 *     NAME              registers, control words, the signal mask, errno
 *     locals NAME       of a function in C, as the compiler keeps them
 *     handler NAME      called on a signal stack, by a handler of the host's
 *     interrupted       the worker handles a signal
 *     value NAME        the result
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"

struct kept {
	uint64_t rbx, rbp, r12, r13, r14, r15, moved, flags;
	uint32_t control, status, tags, rest[4], mxcsr;
};

long keep(guard_function *function, struct kept *kept);
long interrupted(long pid, long signal);

#define DIRECTION   0x400
#define MXCSR_STATE 0x3f

static char signal_stack[1 << 16];
static guard_function *in_handler;
static volatile long handler_result;

static guard_function *find(const char *name)
{
	char symbol[100];
	void *address;

	snprintf(symbol, sizeof(symbol), "fault_%s", name);
	address = dlsym(RTLD_DEFAULT, symbol);
	if (!address)
		exit(99);
	return (guard_function *)address;
}

static const char *compare(const struct kept *kept, long result)
{
	if (result != 0)
		return "the result";
	if (kept->rbx != 0x1b1b1b1b || kept->rbp != 0x1e1e1e1e ||
	    kept->r12 != 0x12121212 || kept->r13 != 0x13131313 ||
	    kept->r14 != 0x14141414 || kept->r15 != 0x15151515)
		return "a register";
	if (kept->moved != 0)
		return "the stack pointer";
	if (kept->flags & DIRECTION)
		return "the direction flag";
	if ((kept->control & 0xffff) != 0x0a7f)
		return "the control word of x87";
	if ((kept->status & 0x3800) || (kept->tags & 0xffff) != 0xffff)
		return "the stack of x87";
	if ((kept->mxcsr & ~(uint32_t)MXCSR_STATE) != 0xdfc0)
		return "the control bits of SSE";
	return NULL;
}

/* Whether the upper halves of vectors can still be used. */
static int has_vectors(void)
{
	long out[4] = { 0, 0, 0, 0 }, in[4] = { 1, 2, 3, 4 };

	if (!__builtin_cpu_supports("avx"))
		return 1;
	__asm__ volatile("vmovups %1, %%ymm3\n\tvmovups %%ymm3, %0\n\t"
			 "vzeroupper"
			 : "=m"(out)
			 : "m"(in)
			 : "xmm3");
	return memcmp(in, out, sizeof(in)) == 0;
}

static const char *check(guard_function *function)
{
	sigset_t all, before = { 0 }, after = { 0 };
	struct kept kept;
	stack_t stack;
	const char *wrong;
	long result;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigprocmask(SIG_SETMASK, NULL, &before);
	errno = 77;
	result = keep(function, &kept);
	wrong = compare(&kept, result);
	if (errno != 77)
		wrong = "errno";
	sigprocmask(SIG_SETMASK, NULL, &after);
	if (memcmp(&before, &after, sizeof(before)) != 0)
		wrong = "the signal mask";
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigaltstack(NULL, &stack);
	if (stack.ss_sp != signal_stack || stack.ss_flags)
		wrong = "the signal stack";
	if (!has_vectors())
		wrong = "the vectors";
	return wrong ? wrong : "ok";
}

/* More values than registers. */
static const char *check_locals(guard_function *function, volatile long *seed)
{
	long a = seed[0], b = seed[1], c = seed[2], d = seed[3], e = seed[4],
	     f = seed[5], g = seed[6], h = seed[7], i = seed[8], j = seed[9];
	double k = (double)seed[0], l = (double)seed[1], m = (double)seed[2];
	char room[a + 20];
	long result;

	memset(room, 'r', sizeof(room));
	result = function(7);
	if (result != 0)
		return "the result";
	if (a != 1 || b != 2 || c != 3 || d != 4 || e != 5 || f != 6 ||
	    g != 7 || h != 8 || i != 9 || j != 10 || k != 1 || l != 2 || m != 3)
		return "a local";
	for (size_t n = 0; n < sizeof(room); n++)
		if (room[n] != 'r')
			return "an array";
	return "ok";
}

static void handle(int signal)
{
	(void)signal;
	handler_result = in_handler(7);
}

static const char *check_handler(guard_function *function)
{
	struct sigaction action = { .sa_flags = SA_ONSTACK };

	action.sa_handler = handle;
	sigaction(SIGUSR2, &action, NULL);
	in_handler = function;
	handler_result = -1;
	raise(SIGUSR2);
	return handler_result == 0 ? "ok" : "the result";
}

static const char *answer(const char *verb, const char *name)
{
	static volatile long seed[10] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
	static char value[30];

	if (!strcmp(verb, "locals"))
		return check_locals(find(name), seed);
	if (!strcmp(verb, "handler"))
		return check_handler(find(name));
	if (!strcmp(verb, "interrupted"))
		return interrupted(getpid(), SIGUSR1) ? "changed" : "ok";
	if (strcmp(verb, "value") != 0)
		return check(find(verb));
	snprintf(value, sizeof(value), "%ld", find(name)(7));
	return value;
}

int main(void)
{
	stack_t stack = { .ss_sp = signal_stack,
			  .ss_size = sizeof(signal_stack) };
	char question[200];

	sigaltstack(&stack, NULL);
	signal(SIGUSR1, worker_handle);
	while (fgets(question, sizeof(question), stdin)) {
		const char *verb = strtok(question, " \n");

		puts(answer(verb, strtok(NULL, " \n")));
		fflush(stdout);
	}
	return 5;
}
