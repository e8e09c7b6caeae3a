/* What the worker exports, in all builds; BAD ones crash and hang. */
#ifndef WORKER_H
#define WORKER_H

#define STEP 256 /* more than there are builds */

typedef long callback(long);

/* N * STEP + the build */
long work(long n);
callback *get_callback(void);
/* how often this thread has called it, and how often all have called the other */
long count(void);
long add(void);
long get_all(void);
/* as work(); below 0: 1, or a crash */
long risk(long n);
/* 1, or never */
long hang(void);
/* N + 1; from build 2 on another function, which is as risk() */
callback *get_late(void);
/* for the game: how often it has moved, or a crash */
long move(void);

#endif
