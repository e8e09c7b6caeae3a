#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

void host_note(char what);
void host_register(int (*function)(void));
void host_register_odd(int (*function)(void));
extern int volatile host_awaited, host_done;
int missing(void);

/* Exported, so that it is reached through the GOT. */
int worker_counter;

int worker_count(void)
{
	return ++worker_counter;
}

/* A function of the worker's own has no stand-in. */
int killpg(int group, int number)
{
	(void)group;
	(void)number;
	return 0;
}
int state[BUILD == 5 ? 2 : 1];

/* DT_INIT and DT_FINI, by the linker's -init and -fini */
void begin(void)
{
	host_note('i');
}

void finish(void)
{
	host_note('f');
}

static int registered(void)
{
	return BUILD;
}

/* In .data.rel.ro, which is read-only when it is relocated. */
static void (*const constants[])(void) = { begin, finish };

const void *worker_constants(void)
{
	return constants;
}

/* What a constructor calls is its own build's. */
__attribute__((noinline)) int number(void)
{
	__asm__ volatile("");
	return BUILD;
}

#if BUILD == 7
static int before(void)
{
	return 6;
}

/* The constructor puts another function there. */
static int (*volatile chosen)(void) = before;
#endif

__attribute__((constructor(101))) static void first(void)
{
	host_note('a');
#if BUILD == 6
	host_register_odd(registered); /* it stays, and is never live */
#else
	host_register(registered);
#endif
}

__attribute__((constructor(102))) static void second(void)
{
	host_note('b');
	worker_counter = 100 * BUILD;
	if (number() != BUILD)
		host_note('?');
	killpg(0, 15);
#if BUILD == 4
	/* the host does something that all threads take part in */
	host_awaited = 1;
	while (!host_done)
		usleep(100);
#elif BUILD == 6
	prctl(PR_SET_NAME, "torn");
	abort();
#elif BUILD == 7
	char name[16] = "";

	prctl(PR_GET_NAME, name);
	if (strcmp(name, "torn") == 0)
		host_note('!');
	chosen = number;
#endif
}

__attribute__((destructor)) static void end(void)
{
	host_note('d');
}

int value(void)
{
#if BUILD == 2
	return missing();
#elif BUILD == 7
	return chosen();
#else
	return BUILD;
#endif
}
