/*
 * A worker in C, and the same text in C++. The line that crashes ends with the name of
 * the fault. BUILD: the number; odd ones crash.
 */
#include <assert.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faults.h"

#define NOINLINE __attribute__((noinline))

static long calls;
static guard_function *given;
static int may_go;

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
	return BUILD % 2;
}

static long give(long x)
{
	return BUILD * 1000 + x;
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
