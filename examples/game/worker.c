#include "worker.h"

#include <string.h>

/* The rules: change them while the game runs. */
#define GRAVITY 90.0f /* pixels a second, each second */
#define KICK    40.0f /* pixels a second */
#define POINTS  10    /* for a bounce */

static const struct ball first_balls[N_BALLS] = {
	{ 8, 20, 27, 0, 79, { 255, 80, 80 } },
	{ 20, 5, -22, 0, 72, { 255, 180, 40 } },
	{ 33, 12, 34, 0, 64, { 120, 230, 90 } },
	{ 47, 8, -17, 0, 77, { 60, 200, 255 } },
	{ 58, 25, 20, 0, 56, { 110, 120, 255 } },
	{ 70, 15, -31, 0, 68, { 255, 90, 220 } },
};

static unsigned long n_updates, n_bounces, n_points;
static _Thread_local unsigned long n_updates_here;

static bounce_fn *tell_host;
static void *host_context;

void worker_init(struct world *world, bounce_fn *on_bounce, void *context)
{
	memcpy(world->balls, first_balls, sizeof(world->balls));
	tell_host = on_bounce;
	host_context = context;
}

static void bounce(void)
{
	n_bounces++;
	n_points += POINTS;
	tell_host(host_context, POINTS);
}

static void move(struct ball *ball, float seconds)
{
	ball->vy += GRAVITY * seconds;
	ball->x += ball->vx * seconds;
	ball->y += ball->vy * seconds;
	if ((ball->x < 2 && ball->vx < 0) ||
	    (ball->x > WIDTH - 3 && ball->vx > 0)) {
		ball->vx = -ball->vx;
		bounce();
	}
	if ((ball->y < 2 && ball->vy < 0) ||
	    (ball->y > HEIGHT - 3 && ball->vy > 0)) {
		ball->vy = ball->vy < 0 ? ball->spring : -ball->spring;
		bounce();
	}
}

void worker_update(struct world *world, float seconds)
{
	n_updates++;
	n_updates_here++;
	for (int i = 0; i < N_BALLS; i++) {
		if (world->kicked)
			world->balls[i].vy -= KICK;
		move(&world->balls[i], seconds);
	}
	world->kicked = 0;
}

static void dot(struct world *world, float x, float y, struct pixel paint)
{
	if (x >= 0 && x < WIDTH && y >= 0 && y < HEIGHT)
		world->canvas[(int)y][(int)x] = paint;
}

static void draw_disc(struct world *world, const struct ball *ball)
{
	for (int y = -1; y <= 1; y++)
		for (int x = -1; x <= 1; x++)
			dot(world, ball->x + x, ball->y + y, ball->paint);
}

static void draw_ring(struct world *world, const struct ball *ball)
{
	for (int y = -2; y <= 2; y++)
		for (int x = -2; x <= 2; x++)
			if (x * x + y * y >= 4 && x * x + y * y <= 5)
				dot(world, ball->x + x, ball->y + y,
				    ball->paint);
}

static void draw_star(struct world *world, const struct ball *ball)
{
	for (int i = -2; i <= 2; i++) {
		dot(world, ball->x + i, ball->y, ball->paint);
		dot(world, ball->x, ball->y + i, ball->paint);
	}
}

/* The balls take these in turn. */
typedef void shape_fn(struct world *world, const struct ball *ball);
static shape_fn *const shapes[] = { draw_disc, draw_ring, draw_star };
#define N_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* What is painted once glows on for a while: this makes the trails. */
static void fade(struct pixel *pixel)
{
	pixel->red -= (pixel->red + 5) / 6;
	pixel->green -= (pixel->green + 5) / 6;
	pixel->blue -= (pixel->blue + 5) / 6;
}

void worker_draw(struct world *world)
{
	world->n_shapes = N_SHAPES;
	for (int i = 0; i < WIDTH * HEIGHT; i++)
		fade(&world->canvas[0][0] + i);
	for (int i = 0; i < N_BALLS; i++)
		shapes[i % N_SHAPES](world, &world->balls[i]);
}

void worker_tally(struct tally *ret_tally)
{
	ret_tally->updates = n_updates;
	ret_tally->updates_here = n_updates_here;
	ret_tally->bounces = n_bounces;
	ret_tally->points = n_points;
}
