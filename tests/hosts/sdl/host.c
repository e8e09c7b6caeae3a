/*
 * A program with a window that draws all the time. For each line of its standard
 * input it says which colour the next frame has.
 */
#include <stdio.h>
#include <SDL.h>
#include <SDL_thread.h>

#include "worker.h"

static SDL_atomic_t n_questions, ended;

static int listen_to_user(void *unused)
{
	char line[200];

	(void)unused;
	while (fgets(line, sizeof(line), stdin))
		SDL_AtomicAdd(&n_questions, 1);
	SDL_AtomicSet(&ended, 1);
	return 0;
}

static void say_frame(SDL_Renderer *renderer, long n_frames, long n_drawn)
{
	const SDL_Rect pixel = { 3, 3, 1, 1 };
	Uint8 rgba[4] = { 0 };

	if (SDL_RenderReadPixels(renderer, &pixel, SDL_PIXELFORMAT_RGBA32, rgba,
				 sizeof(rgba)) != 0)
		printf("no pixel: %s\n", SDL_GetError());
	printf("answer=%d green=%d calls=%ld frames=%ld driver=%s\n", rgba[0],
	       rgba[1], n_drawn, n_frames, SDL_GetCurrentVideoDriver());
	fflush(stdout);
}

static void run(SDL_Renderer *renderer)
{
	long n_frames = 0, n_drawn;
	SDL_Event event;

	while (!SDL_AtomicGet(&ended)) {
		while (SDL_PollEvent(&event))
			if (event.type == SDL_QUIT)
				return;
		n_drawn = draw(renderer);
		n_frames++;
		while (SDL_AtomicGet(&n_questions) > 0) {
			SDL_AtomicAdd(&n_questions, -1);
			say_frame(renderer, n_frames, n_drawn);
		}
		SDL_RenderPresent(renderer);
		SDL_Delay(5);
	}
}

int main(int argc, char **argv)
{
	SDL_Window *window;
	SDL_Renderer *renderer;
	SDL_Thread *listener;

	(void)argc;
	(void)argv;
	if (SDL_Init(SDL_INIT_VIDEO) != 0)
		return 2;
	window = SDL_CreateWindow("host", 0, 0, 32, 32, 0);
	renderer = SDL_CreateRenderer(window, -1, SDL_RENDERER_SOFTWARE);
	if (!renderer)
		return 3;
	listener = SDL_CreateThread(listen_to_user, "listener", NULL);
	run(renderer);
	SDL_WaitThread(listener, NULL);
	SDL_DestroyRenderer(renderer);
	SDL_DestroyWindow(window);
	SDL_Quit();
	return 0;
}
