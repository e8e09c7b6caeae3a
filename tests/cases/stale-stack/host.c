/* Sleeps below a frame of any size, which what the worker has left is in. */
#include <alloca.h>
#include <stdio.h>
#include <unistd.h>

int deep(int depth);

enum { DEPTH = 100 };

static int volatile room_len = 5000;

/* The frame is found by rbp alone. */
__attribute__((noinline)) static int sleep_below(char *question, size_t len)
{
	char *volatile room = alloca(room_len);

	room[0] = 0;
	return read(STDIN_FILENO, question, len) > 0 && room[0] == 0;
}

int main(void)
{
	char question[100];
	int value = deep(DEPTH);

	while (sleep_below(question, sizeof(question))) {
		printf("value=%d\n", value - DEPTH);
		fflush(stdout);
		value = deep(DEPTH);
	}
	return 0;
}
