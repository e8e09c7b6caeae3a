/*
 * What can go wrong in the worker, each in a function of its own, fault_NAME(): builds
 * with an odd number crash in it, the others give a value.
 */
#ifndef HI_TESTS_GUARD_FAULTS_H
#define HI_TESTS_GUARD_FAULTS_H

/* clang-format off */
#define GUARD_FAULTS(F)                                                        \
	F(null) F(wild) F(readonly) F(bus) F(ill) F(div) F(sse) F(x87)         \
	F(abort) F(assert) F(twice) F(trap) F(overflow) F(nowhere)             \
	F(libc) F(sort) F(callback) F(tail) F(vectors) F(alloca)               \
	F(kill) F(tkill) F(queue) F(tqueue) F(jumps) F(leaps)                           \
	F(heap) F(stdio) F(mutex) F(cleanup)                                   \
	F(exception) F(method) F(panic) F(quits)                                        \
	F(thread) F(constructed) F(waits) F(spins) F(reads) F(wrong)
/* clang-format on */

#ifdef __cplusplus
extern "C" {

/* What a worker in C++ gives its host. */
struct Shape {
	virtual long area(long x) = 0;
};
#endif

/* A worker need not have all of them. */
#define GUARD_DECLARE(name) __attribute__((weak)) long fault_##name(long x);
GUARD_FAULTS(GUARD_DECLARE)
#undef GUARD_DECLARE

typedef long guard_function(long x);

/* Builds with an even number crash, too; the next time, no more. */
void worker_spoil(void);
/* How many calls have begun, in any build. */
long worker_calls(void);
/* A function of the worker's own, that nobody can name. */
guard_function *worker_get_callback(void);
/* The same, and no symbol tells of it. */
guard_function *worker_get_tiny(void);
/* For fault_callback(). */
void worker_set_callback(guard_function *callback);
/* A handler of signals. */
void worker_handle(int signal);
/* Ends fault_waits(). */
void worker_go(void);
/* Where there are methods. */
__attribute__((weak)) struct Shape *worker_get_shape(void);

#ifdef __cplusplus
}
#endif
#endif
