/* What both workers, in C and in C++, export. */
#ifndef WORKER_H
#define WORKER_H

#ifdef __cplusplus
extern "C" {
#endif

typedef long callback(long);

int build(void);
long count(void);
long count_here(void); /* per thread */
callback *get_callback(void);
/* 3 * N + 1, whatever the build and whatever calls it makes */
long compute(long n);

#ifdef __cplusplus
}
#endif

#endif
