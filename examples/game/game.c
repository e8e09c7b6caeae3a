/*
 * game - the host: the loop, the terminal, the score.
 *
 *     game [--frames=N]
 *
 * It ends after N frames, at q, SIGINT or SIGTERM, and then says whether its
 * own counts and the worker's agree; if not it exits with status 1. In a terminal
 * it draws in the upper lines and leaves the others to whoever writes there;
 * without one it prints a line twice a second.
 */
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define FRAMES_A_SECOND 30
#define FRAME_NS        (1000000000 / FRAMES_A_SECOND)
#define STATUS_LINE     (HEIGHT / 2 + 1) /* a line shows two rows of pixels */

struct game {
	struct world world;
	unsigned long n_frames, n_bounces, score;
	int points; /* of the last bounce */
};

struct screen {
	bool is_tty;
	struct termios saved;
	struct pixel shown[HEIGHT][WIDTH];
	char buffer[256 * 1024]; /* a frame is one write(), never torn */
};

static volatile sig_atomic_t asked_to_end;

static void ask_to_end(int signal)
{
	(void)signal;
	asked_to_end = 1;
}

static void count_bounce(void *context, int points)
{
	struct game *game = context;

	game->n_bounces++;
	game->score += points;
	game->points = points;
}

static void screen_open(struct screen *screen)
{
	struct termios raw;

	screen->is_tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
			 tcgetattr(STDIN_FILENO, &screen->saved) == 0;
	if (!screen->is_tty) {
		setvbuf(stdout, NULL, _IOLBF, 0);
		return;
	}
	raw = screen->saved;
	raw.c_lflag &= ~(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	setvbuf(stdout, screen->buffer, _IOFBF, sizeof(screen->buffer));
	/* no pixel is this white: the first frame paints all of them */
	memset(screen->shown, 255, sizeof(screen->shown));
	/* clear; hide the cursor; only the lines below ours scroll */
	printf("\033[2J\033[?25l\033[%dr\033[%dH", STATUS_LINE + 1,
	       STATUS_LINE + 1);
}

static void screen_close(const struct screen *screen)
{
	if (!screen->is_tty)
		return;
	printf("\0337\033[r\0338\033[?25h");
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &screen->saved);
}

/* Two pixels share a character: the upper half block and what is behind it. */
static void paint_cell(struct screen *screen, const struct world *world, int y,
		       int x)
{
	const struct pixel *upper = &world->canvas[y][x];
	const struct pixel *lower = &world->canvas[y + 1][x];

	if (!memcmp(upper, &screen->shown[y][x], sizeof(*upper)) &&
	    !memcmp(lower, &screen->shown[y + 1][x], sizeof(*lower)))
		return;
	printf("\033[%d;%dH\033[38;2;%d;%d;%d;48;2;%d;%d;%dm%s", y / 2 + 1,
	       x + 1, upper->red, upper->green, upper->blue, lower->red,
	       lower->green, lower->blue,
	       memcmp(upper, lower, sizeof(*upper)) ? "\u2580" : " ");
	screen->shown[y][x] = *upper;
	screen->shown[y + 1][x] = *lower;
}

static void screen_show(struct screen *screen, const struct game *game)
{
	if (!screen->is_tty) {
		if (game->n_frames % (FRAMES_A_SECOND / 2) == 0)
			printf("game: frame %lu, score %lu, "
			       "%d points a bounce, %u shapes\n",
			       game->n_frames, game->score, game->points,
			       game->world.n_shapes);
		return;
	}
	printf("\0337"); /* the cursor belongs to the lines below */
	for (int y = 0; y < HEIGHT; y += 2)
		for (int x = 0; x < WIDTH; x++)
			paint_cell(screen, &game->world, y, x);
	printf("\033[%dH\033[0;7m frame %-6lu score %-7lu %3d points a bounce  "
	       "%u shapes    space: kick  q: end \033[K\033[0m\0338",
	       STATUS_LINE, game->n_frames, game->score, game->points,
	       game->world.n_shapes);
	fflush(stdout);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Sleep until DUE_NS; meanwhile the keys are heard. */
static void wait_until(int64_t due_ns, const struct screen *screen,
		       struct world *world)
{
	struct pollfd keys = { screen->is_tty ? STDIN_FILENO : -1, POLLIN, 0 };
	int64_t left_ns;
	char key;

	while ((left_ns = due_ns - now_ns()) > 0) {
		if (poll(&keys, 1, (int)((left_ns + 999999) / 1000000)) != 1)
			continue;
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q')
			asked_to_end = 1;
		else
			world->kicked = 1;
		if (asked_to_end)
			return;
	}
}

static int compare_counts(const struct game *game)
{
	struct tally tally;
	bool intact;

	worker_tally(&tally);
	intact = tally.updates == game->n_frames &&
		 tally.updates_here == game->n_frames &&
		 tally.bounces == game->n_bounces &&
		 tally.points == game->score;
	printf("game: %lu frames, worker saw %lu updates, %lu bounces, "
	       "score %lu, %d points a bounce: state %s\n",
	       game->n_frames, tally.updates, game->n_bounces, game->score,
	       game->points, intact ? "intact" : "LOST");
	if (!intact)
		printf("game: the worker counted %lu updates on this thread, "
		       "%lu bounces and %lu points\n",
		       tally.updates_here, tally.bounces, tally.points);
	return intact ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct screen screen;
	struct game game = { 0 };
	unsigned long last_frame = ULONG_MAX;
	int64_t due_ns = now_ns();

	if (argc > 2 ||
	    (argc == 2 && sscanf(argv[1], "--frames=%lu", &last_frame) != 1)) {
		fprintf(stderr, "usage: game [--frames=N]\n");
		return 2;
	}
	signal(SIGINT, ask_to_end);
	signal(SIGTERM, ask_to_end);
	screen_open(&screen);
	worker_init(&game.world, count_bounce, &game);
	while (!asked_to_end && game.n_frames < last_frame) {
		worker_update(&game.world, 1.0f / FRAMES_A_SECOND);
		worker_draw(&game.world);
		game.n_frames++;
		screen_show(&screen, &game);
		due_ns += FRAME_NS;
		wait_until(due_ns, &screen, &game.world);
	}
	screen_close(&screen);
	return compare_counts(&game);
}
