/* Functions whose implementation a resolver picks. */
#ifndef IFUNC_WORKER_H
#define IFUNC_WORKER_H

int chosen(void);
int by_pointer(void);
int shared_one(void);
int shared_two(void);

/* Calls of the worker itself: through the PLT, through a pointer, of its own. */
int through_chosen(void);
int (*address_of_chosen(void))(void);
int through_hidden(void);
/* What the constructor of the build got from chosen(). */
int seen_by_constructor(void);

#endif
