/* One function for each way in which a host can reach the worker. */
#ifndef ROUTES_WORKER_H
#define ROUTES_WORKER_H

struct api {
	int (*first)(void);
	int (*second)(void);
};

typedef int (*worker_function)(void);

int by_plt(void);
int by_initialiser(void);
int by_const_initialiser(void);
int by_taken_address(void);
int by_fresh_address(void);
int by_dlsym_kept(void);
int by_dlsym_fresh(void);
int by_default_kept(void);
int by_default_fresh(void);
int by_next_kept(void);
int by_ifunc(void);
int by_ifunc_pointer(void);
int by_protected(void);
int by_alias(void);
int by_weak(void);
int by_callback(void);
int tiny(void); /* returns 0 in the first build: three bytes at -Os */
int tiny_pointer(void);

/* These stay the same in all builds; what they call does not. */
int through_tail_call(void);
int through_static_tail_call(void);
int through_exported(void);
int through_static(void);
int through_hidden(void);
int through_pointer(void);
int through_table(void);
int through_recursion(void);

const struct api *worker_api(void);
/* Give the host static functions, to call whenever it likes. */
void worker_register(void (*put)(const char *name, worker_function function));
/* Whether FUNCTION is what worker_register() gives for NAME. */
int worker_knows(const char *name, worker_function function);
/* The worker's own idea of the address of by_plt(). */
worker_function worker_address(void);
void worker_on_signal(int number);
int worker_signal_seen(void);

#endif
