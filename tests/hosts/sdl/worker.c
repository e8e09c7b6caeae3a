/* Draws each frame in a colour of which red is the number of the build. */
#include "worker.h"

static long n_frames;
static __thread long n_on_thread;

#if BUILD >= 3
static __attribute__((noipa)) Uint8 twice(Uint8 n)
{
	return (Uint8)(2 * n);
}
#endif

long draw(SDL_Renderer *renderer)
{
	Uint8 red = BUILD;
#if BUILD >= 3
	Uint8 green = twice(red);
#else
	Uint8 green = 0;
#endif
	SDL_SetRenderDrawColor(renderer, red, green, 255, 255);
	SDL_RenderClear(renderer);
	n_on_thread++;
	return ++n_frames == n_on_thread ? n_frames : -1;
}
