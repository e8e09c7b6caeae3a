/* Functions of three bytes in the first build, which return BUILD - 1. */
#ifndef LAZY_WORKER_H
#define LAZY_WORKER_H

int lazy(void);
int in_front(void);  /* a library that is searched first has one, too */
int behind(void);    /* a library that is searched later has one, too */
int versioned(void); /* the host was linked with a build that had versions */

#endif
