#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int calls;

#ifdef FRAGILE
/* A process crashes for which there is a file of its number, or one for any. */
static void crash_if_told(void)
{
	char path[40];

	snprintf(path, sizeof(path), "crash.%d", getpid());
	if (unlink(path) == 0 || unlink("crash.any") == 0)
		*(volatile int *)8 = 0;
	if (unlink("raise.any") == 0)
		raise(SIGABRT);
}
#else
#define crash_if_told()
#endif

int step(void)
{
	crash_if_told();
	calls++;
	return BUILD;
}

#ifdef STUCK
/* A process for which there is a pipe of its number waits for it to be written. */
__attribute__((constructor)) static void wait_for_gate(void)
{
	char path[40], byte;
	int fd;

	snprintf(path, sizeof(path), "gate.%d", getpid());
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return;
	while (read(fd, &byte, 1) > 0)
		;
	close(fd);
}
#endif

#ifdef OTHER
int step_of_another_kind(int a)
{
	return a;
}
#endif
