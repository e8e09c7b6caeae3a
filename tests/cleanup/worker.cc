/* As worker.c: the frame in the middle holds a lock. */
#include <mutex>
#include <stdio.h>
#include <string.h>

extern "C" {
void worker_answer(const char *question, char *answer, size_t len);

static std::mutex mutex;
static volatile int held;

void fault()
{
	*(volatile int *)8 = 1;
}

static void (*volatile call_fault)() = fault;

void unguarded()
{
	call_fault();
	held = held + 2;
}

static void (*volatile call_unguarded)() = unguarded;

void guarded()
{
	std::lock_guard<std::mutex> guard(mutex);

	call_unguarded();
}

static void (*volatile call_guarded)() = guarded;

void worker_answer(const char *question, char *answer, size_t len)
{
	if (!strcmp(question, "fault"))
		call_guarded();
	snprintf(answer, len, "held=%d", held);
}
}
