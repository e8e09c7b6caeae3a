/*
 * worker - the rules of the game and its drawing, a library of its own.
 *
 * The host (game.c) owns the loop, the terminal and the world. It calls the
 * worker twice a frame and is called back at each bounce. The worker counts what
 * it sees in variables of its own; at the end the host compares these counts
 * with its own and so knows whether anything was lost on the way.
 */
#ifndef WORKER_H
#define WORKER_H

enum { WIDTH = 80, HEIGHT = 40, N_BALLS = 6 };

struct pixel {
	unsigned char red, green, blue;
};

struct ball {
	float x, y;   /* pixels from the upper left corner */
	float vx, vy; /* pixels a second */
	float spring; /* the speed with which it leaves floor and ceiling */
	struct pixel paint;
};

struct world {
	int kicked;            /* a key was hit since the last frame */
	unsigned int n_shapes; /* how many shapes the worker can draw */
	struct ball balls[N_BALLS];
	struct pixel canvas[HEIGHT][WIDTH];
};

struct tally {
	unsigned long updates;
	unsigned long updates_here; /* by the thread that asks */
	unsigned long bounces;
	unsigned long points;
};

typedef void bounce_fn(void *context, int points);

/* Set the balls out; ON_BOUNCE is called with CONTEXT at each bounce. */
void worker_init(struct world *world, bounce_fn *on_bounce, void *context);
/* Move the world on by SECONDS. */
void worker_update(struct world *world, float seconds);
/* Paint the canvas. */
void worker_draw(struct world *world);
/* What the worker has counted since worker_init(). */
void worker_tally(struct tally *ret_tally);

#endif
