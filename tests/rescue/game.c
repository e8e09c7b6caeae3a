/*
 * A game of 60 frames a second. It answers a line with how long its longest frame
 * was since the last, how many came late, and whether all moves are there.
 */
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "worker.h"

#define FRAME_NS 16666667L
#define NS_PER_S 1000000000L

static long frames, late, longest_ns, moves, zeros, lost;

static long get_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void draw(long *last_ns, long *due_ns)
{
	struct timespec due;
	long now;
	long moved = move();

	if (moved == 0)
		zeros++;
	else if (moved != ++moves)
		lost++;
	*due_ns += FRAME_NS;
	due.tv_sec = *due_ns / NS_PER_S;
	due.tv_nsec = *due_ns % NS_PER_S;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
	now = get_ns();
	longest_ns = now - *last_ns > longest_ns ? now - *last_ns : longest_ns;
	*last_ns = now;
	frames++;
	/* a frame that is missed is not made up for */
	for (; now - *due_ns > FRAME_NS; late++)
		*due_ns += FRAME_NS;
}

int main(void)
{
	struct pollfd in = { 0, POLLIN, 0 };
	long last_ns = get_ns(), due_ns = last_ns;
	char line[64];

	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;;) {
		draw(&last_ns, &due_ns);
		if (poll(&in, 1, 0) <= 0)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			return 0;
		printf("frames=%ld late=%ld longest_us=%ld moves=%ld "
		       "zeros=%ld lost=%ld\n",
		       frames, late, longest_ns / 1000, moves, zeros, lost);
		longest_ns = 0;
	}
}
