/*
 * Four frames, of which the one in the middle has something to do at its end:
 *
 *     worker_answer -> guarded -> unguarded -> fault
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

void worker_answer(const char *question, char *answer, size_t len);

static volatile int held;

static void release(int *guard)
{
	held -= *guard;
}

static void fault(void)
{
	*(volatile int *)8 = 1;
}

/* What is called so may throw, for all that the compiler knows. */
static void (*volatile call_fault)(void) = fault;

static void unguarded(void)
{
	call_fault();
	held += 2;
}

static void (*volatile call_unguarded)(void) = unguarded;

static void guarded(void)
{
	__attribute__((cleanup(release))) int guard = 1;

	held += guard;
	call_unguarded();
}

static void (*volatile call_guarded)(void) = guarded;

void worker_answer(const char *question, char *answer, size_t len)
{
	if (!strcmp(question, "fault"))
		call_guarded();
	snprintf(answer, len, "held=%d", held);
}
