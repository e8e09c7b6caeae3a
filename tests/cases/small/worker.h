/*
 * Functions of three bytes in the first build, where no jump has room: every way to
 * them has to go through the loader's tables. Each returns BUILD - 1.
 */
#ifndef SMALL_WORKER_H
#define SMALL_WORKER_H

typedef int (*worker_function)(void);

struct api {
	worker_function first;
};

int by_plt(void);
int by_initialiser(void);
int by_const_initialiser(void);
int by_taken_address(void);
int by_dlsym(void);
int wrapped(void); /* the host has one of its own */
int inner(void);

const struct api *worker_api(void);
/* A static function, by its address in the text. */
worker_function worker_callback(void);
/* What the worker makes of a function that the host wraps. */
int worker_call_wrapped(void);

#endif
