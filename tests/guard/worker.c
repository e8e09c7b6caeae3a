/*
 * A worker in C, and the same text in C++. The line that crashes ends with the name of
 * the fault. BUILD: the number; odd ones crash.
 */
#include <assert.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

#define NOINLINE __attribute__((noinline))

static long calls;
static guard_function *given;
static int may_go;
static int ends[2];
static long n_written;
static bool spoiled;

/* What the compiler cannot know. */
static long *volatile no_place;
static long *volatile wild_place = (long *)0x4142434445464748;
static const char fixed_text[] = "fixed";
static const char *volatile fixed_place = fixed_text;
static const char *volatile low_text = (const char *)8;
static guard_function *volatile no_function;
static volatile long zero;
static volatile double zero_double;
static volatile long double zero_long_double;

static bool crashes(void)
{
	__atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
	return BUILD % 2 || spoiled;
}

static long give(long x)
{
	return BUILD * 1000 + x;
}

void worker_spoil(void)
{
	spoiled = !spoiled;
}

long worker_calls(void)
{
	return __atomic_load_n(&calls, __ATOMIC_SEQ_CST);
}

/* --- the thread's own instruction ------------------------------------------------- */

long fault_null(long x)
{
	if (crashes())
		*no_place = x; /* null */
	return give(x);
}

long fault_wild(long x)
{
	if (crashes())
		*wild_place = x; /* wild */
	return give(x);
}

long fault_readonly(long x)
{
	if (crashes())
		*(volatile char *)fixed_place = (char)x; /* readonly */
	return give(x);
}

long fault_bus(long x)
{
	volatile char *page;
	int fd;

	if (crashes()) {
		fd = memfd_create("empty", MFD_CLOEXEC);
		page = (volatile char *)mmap(NULL, 4096, PROT_READ, MAP_SHARED,
					     fd, 0);
		x += *page; /* bus */
	}
	return give(x);
}

long fault_ill(long x)
{
	if (crashes())
		__asm__ volatile("ud2"); /* ill */
	return give(x);
}

long fault_trap(long x)
{
	if (crashes())
		__asm__ volatile("int3"); /* trap */
	return give(x);
}

long fault_div(long x)
{
	if (crashes())
		x /= zero; /* div */
	return give(x);
}

long fault_sse(long x)
{
	volatile double value = (double)x;

	if (crashes()) {
		feenableexcept(FE_DIVBYZERO);
		value = value / zero_double; /* sse */
	}
	return give(x) + (long)(value - (double)x);
}

/* An x87 exception comes with the next instruction of that unit. */
long fault_x87(long x)
{
	volatile long double value = x;

	if (crashes()) {
		feenableexcept(FE_DIVBYZERO);
		value = value / zero_long_double; /* x87 */
		__asm__ volatile("fwait");
	}
	return give(x) + (long)(value - x);
}

long fault_nowhere(long x)
{
	if (crashes())
		x += no_function(x); /* nowhere */
	return give(x);
}

/* The same as the last thing that it does. */
long fault_leaps(long x)
{
	if (crashes())
		return no_function(x); /* leaps */
	return give(x);
}

/* --- given up by the C library ----------------------------------------------------- */

long fault_abort(long x)
{
	if (crashes())
		abort(); /* abort */
	return give(x);
}

long fault_assert(long x)
{
	if (crashes())
		assert(x < 0); /* assert */
	return give(x);
}

long fault_twice(long x)
{
	char *volatile bytes = (char *)malloc(40);

	free(bytes);
	if (crashes())
		free(bytes); /* twice */
	return give(x);
}

/* Sent by the thread to its own process in other ways. */
long fault_kill(long x)
{
	if (crashes())
		x += kill(getpid(), SIGABRT); /* kill */
	return give(x);
}

long fault_tkill(long x)
{
	if (crashes())
		x += syscall(SYS_tkill, gettid(), SIGABRT); /* tkill */
	return give(x);
}

long fault_queue(long x)
{
	union sigval value = { 0 };

	if (crashes())
		x += sigqueue(getpid(), SIGABRT, value); /* queue */
	return give(x);
}

long fault_tqueue(long x)
{
	union sigval value = { 0 };
	pthread_t thread = pthread_self();

	if (crashes())
		x += pthread_sigqueue(thread, SIGABRT, value); /* tqueue */
	return give(x);
}

/* --- with something locked or registered -------------------------------------------- */

long fault_heap(long x)
{
	char *volatile bytes = (char *)malloc(3000);
	char *volatile more = (char *)malloc(3000);

	free(bytes);
	if (crashes())
		free(bytes); /* heap */
	free(more);
	return give(x);
}

long fault_stdio(long x)
{
	if (crashes())
		x += (long)fwrite(low_text, 1, 10, stdout); /* stdio */
	return give(x);
}

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;

long fault_mutex(long x)
{
	pthread_mutex_lock(&queue_lock);
	if (crashes())
		*no_place = x; /* mutex */
	pthread_mutex_unlock(&queue_lock);
	return give(x);
}

static void clean_up(void *x)
{
	*(volatile long *)x = 0;
	abort();
}

long fault_cleanup(long x)
{
	volatile long place = x;

	pthread_cleanup_push(clean_up, (void *)&place);
	if (crashes())
		*no_place = x; /* cleanup */
	pthread_cleanup_pop(0);
	return give(x);
}

/* --- in the C library -------------------------------------------------------------- */

/* The last thing that it does: no frame of it is left. */
long fault_jumps(long x)
{
	if (crashes())
		return (long)strlen(low_text); /* jumps */
	return give(x);
}

long fault_libc(long x)
{
	if (crashes())
		x += (long)strlen(low_text); /* libc */
	return give(x);
}

static int compare(const void *one, const void *other)
{
	if (*(const char *)one == *no_place) /* sort */
		return 0;
	return *(const char *)one - *(const char *)other;
}

long fault_sort(long x)
{
	char bytes[] = "bca";

	if (crashes())
		qsort(bytes, 3, 1, compare);
	return give(x) + bytes[1] - 'c';
}

/* --- frames of other kinds ---------------------------------------------------------- */

static NOINLINE long deep(long x)
{
	volatile char room[200];

	room[0] = (char)x;
	return deep(x + 1) + room[0];
}

long fault_overflow(long x)
{
	if (crashes())
		x += deep(x); /* overflow */
	return give(x);
}

void worker_set_callback(guard_function *callback)
{
	given = callback;
}

long fault_callback(long x)
{
	if (crashes())
		x += given(x); /* callback */
	return give(x);
}

static NOINLINE long inner(long x)
{
	*no_place = x; /* tail */
	return give(x);
}

long fault_tail(long x)
{
	if (crashes())
		return inner(x);
	return give(x);
}

/* All that a call may leave changed is changed. */
long fault_vectors(long x)
{
	if (!crashes())
		return give(x);
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vcmptrueps %%ymm0, %%ymm0, %%ymm0\n\t"
				 "vmovaps %%ymm0, %%ymm1\n\t"
				 "vmovaps %%ymm0, %%ymm7\n\t"
				 "vmovaps %%ymm0, %%ymm15\n\t"
				 "fldpi\n\tfldpi\n\tfldpi"
				 :
				 :
				 : "memory");
	__asm__ volatile("std");
	*no_place = x; /* vectors */
	return give(x);
}

long fault_alloca(long x)
{
	if (crashes()) {
		volatile char *room =
			(volatile char *)__builtin_alloca((size_t)x * 999);

		room[x] = (char)x;
		*no_place = room[x]; /* alloca */
	}
	return give(x);
}

/* --- reached in other ways ----------------------------------------------------------- */

static NOINLINE long called_back(long x)
{
	if (crashes())
		*no_place = x; /* called_back */
	return give(x);
}

guard_function *worker_get_callback(void)
{
	return called_back;
}

/* What is told of its frame is wrong: it would return to where nobody has called. */
__asm__(".text\n"
	".globl	fault_wrong\n"
	".type	fault_wrong, @function\n"
	"fault_wrong:\n"
	"	.cfi_startproc\n"
	"	push $0\n"
	"	push $0\n"
	"	lea 8(%rsp), %rcx\n"
	"	push %rcx\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	".size	fault_wrong, . - fault_wrong\n");

/* Code that no symbol tells of cannot be held. */
__asm__(".text\n"
	".Ltiny:\n"
	"	.cfi_startproc\n"
	"	ud2\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".section .data.rel.ro, \"aw\"\n"
	".balign 8\n"
	"tiny_place:\n"
	"	.quad .Ltiny\n"
	".text\n");
#ifdef __cplusplus
extern "C"
#else
extern
#endif
	guard_function *const tiny_place __attribute__((visibility("hidden")));

guard_function *worker_get_tiny(void)
{
	return tiny_place;
}

void worker_handle(int signal)
{
	if (crashes())
		*no_place = signal; /* handle */
}

static void *run(void *x)
{
	*no_place = (long)x; /* thread */
	return x;
}

/* The thread ends by itself, with the result NULL. */
long fault_thread(long x)
{
	pthread_t thread;
	void *result = NULL;

	if (crashes()) {
		pthread_create(&thread, NULL, run, &thread);
		pthread_join(thread, &result);
	}
	return result ? -1 : give(x);
}

void worker_go(void)
{
	__atomic_store_n(&may_go, 1, __ATOMIC_SEQ_CST);
	if (ends[1])
		n_written = write(ends[1], "x", 1);
}

/* Inside until worker_go(), which a newer build may have. */
long fault_waits(long x)
{
	crashes();
	while (!__atomic_load_n(&may_go, __ATOMIC_SEQ_CST))
		usleep(1000);
	*no_place = x; /* waits */
	return give(x);
}

/* The same deep in the C library. */
long fault_reads(long x)
{
	FILE *file = pipe(ends) == 0 ? fdopen(ends[0], "r") : NULL;

	crashes();
	if (file)
		x += getc(file) - 'x';
	return give(x);
}

/* The same without a system call. */
long fault_spins(long x)
{
	crashes();
	while (!__atomic_load_n(&may_go, __ATOMIC_SEQ_CST))
		;
	return give(x);
}

static int early_may_go;

#if BUILD == 1
static pthread_t early;

static void *run_early(void *x)
{
	while (!__atomic_load_n(&early_may_go, __ATOMIC_SEQ_CST))
		usleep(1000);
	*no_place = 1; /* constructed */
	return x;
}

__attribute__((constructor)) static void construct(void)
{
	pthread_create(&early, NULL, run_early, &early);
	pthread_detach(early);
}
#endif

long fault_constructed(long x)
{
	__atomic_store_n(&early_may_go, 1, __ATOMIC_SEQ_CST);
	return give(x);
}

#ifdef __cplusplus
long fault_exception(long x)
{
	if (crashes())
		throw x; /* exception */
	return give(x);
}

namespace
{
struct Round : Shape {
	long area(long x) override
	{
		if (crashes())
			*no_place = x; /* area */
		return give(x);
	}
};
Round shape;
} // namespace

Shape *worker_get_shape(void)
{
	return &shape;
}
#endif
