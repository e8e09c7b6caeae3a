#ifndef WORKER_H
#define WORKER_H

#include <SDL.h>

/* Fill the frame; the result is how many frames this worker has drawn. */
long draw(SDL_Renderer *renderer);

#endif
