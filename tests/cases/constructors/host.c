/* Tells the order in which the worker's constructors and destructors have run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int value(void);
int worker_count(void);
const void *worker_constants(void);

int volatile host_awaited, host_done;

static char notes[100];
static int n_notes;

void host_note(char what)
{
	if (n_notes + 1 < (int)sizeof(notes))
		notes[n_notes++] = what;
}

/* Called from then on as it was given. */
static int (*functions[10])(void);
static int n_functions;

static int (*odd)(void);

void host_register_odd(int (*function)(void))
{
	odd = function;
}

void host_register(int (*function)(void))
{
	if (n_functions < 10)
		functions[n_functions++] = function;
}

/* What all of them return, -1 when it is not the same. */
static int call_registered(void)
{
	int result = functions[0]();

	for (int i = 1; i < n_functions; i++)
		if (functions[i]() != result)
			return -1;
	return result;
}

/* Whether the page of ADDRESS is read-only. */
static int is_constant(const void *address)
{
	unsigned long start, end, at = (unsigned long)address;
	char line[500], perms[5] = "";
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) == 3 &&
		    at >= start && at < end)
			break;
	if (maps)
		fclose(maps);
	return !strcmp(perms, "r--p");
}

/* setuid(2) of the C library waits for every thread of the process. */
static int become_oneself(void)
{
	int result;

	while (!host_awaited)
		usleep(100);
	result = setuid(getuid());
	host_done = 1;
	return result;
}

int main(void)
{
	char question[100];

	while (fgets(question, sizeof(question), stdin)) {
		if (!strcmp(question, "become\n"))
			printf("become=%d ", become_oneself());
		printf("odd=%d value=%d count=%d registered=%d constant=%d notes=%s\n",
		       odd ? odd() : 0, value(), worker_count(),
		       call_registered(), is_constant(worker_constants()),
		       notes);
		fflush(stdout);
	}
	return 0;
}
