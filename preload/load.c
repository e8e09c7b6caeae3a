#include "preload/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef void init_function(int argc, char **argv, char **envp);

#define YIELDS_FIRST 2000
#define NAP_NS       100000
#define NAPS_MAX     300000 /* 30 s: the injector is gone */
#define LINGER_S     1

/* Signals of the C library itself, which sigset_t functions do not touch:
   SIGCANCEL and SIGSETXID (nptl(7)). */
#define NPTL_SIGNALS (3ULL << (32 - 1))

/* Where hotinject_abandon() and hotinject_exit() go; one load at a time. */
static void *leave[5];

static struct hi_shim_load *load(void)
{
	return &hi_shim.load;
}

static void set_step(enum hi_load_step step)
{
	__atomic_store_n(&load()->step, step, __ATOMIC_RELEASE);
}

/* Wait until the injector says go; HI_GO_KEEP when it does not. */
static enum hi_load_go await_go(void)
{
	for (long turn = 0; turn < YIELDS_FIRST + NAPS_MAX; turn++) {
		struct timespec nap = { 0, NAP_NS };
		uint32_t go = __atomic_exchange_n(&load()->go, HI_GO_WAIT,
						  __ATOMIC_ACQUIRE);

		if (go != HI_GO_WAIT)
			return go;
		if (turn < YIELDS_FIRST)
			sched_yield();
		else
			nanosleep(&nap, NULL);
	}
	return HI_GO_KEEP;
}

/*
 * Linger for the next load; false when none has come. The injector stops the thread
 * to store its request, so that one of both is first.
 */
static bool await_request(void)
{
	const struct timespec limit = { LINGER_S, 0 };

	for (;;) {
		uint32_t go = HI_GO_WAIT;

		syscall(SYS_futex, &load()->go, FUTEX_WAIT_PRIVATE, HI_GO_WAIT,
			&limit, NULL, 0);
		if (__atomic_compare_exchange_n(&load()->go, &go, HI_GO_GONE,
						false, __ATOMIC_ACQUIRE,
						__ATOMIC_ACQUIRE))
			return false;
		/* a word for a load that has failed meanwhile means nothing */
		__atomic_store_n(&load()->go, HI_GO_WAIT, __ATOMIC_RELEASE);
		if (go == HI_GO_OPEN)
			return true;
	}
}

static void fail(const char *text)
{
	strncpy(load()->error, text, sizeof(load()->error) - 1);
	set_step(HI_LOAD_FAILED);
}

/*
 * dlinfo() takes a link map as its handle. RTLD_DI_TLS_DATA gives this thread's
 * block, which for a library in static TLS is at the same distance from the
 * thread pointer in every thread.
 */
static void describe_tls(struct hi_shim_tls *tls)
{
	void *map = (void *)(uintptr_t)tls->map_remote;
	size_t module = 0;
	void *block = NULL;

	tls->module = 0;
	tls->block = 0;
	tls->thread_pointer = (uintptr_t)__builtin_thread_pointer();
	if (!map || dlinfo(map, RTLD_DI_TLS_MODID, &module) != 0)
		return;
	tls->module = module;
	if (module && dlinfo(map, RTLD_DI_TLS_DATA, &block) == 0)
		tls->block = (uintptr_t)block;
}

/* The loader's counts of what was ever opened and closed. */
struct counts {
	unsigned long long adds, subs;
};

static int take_counts(struct dl_phdr_info *info, size_t size, void *data)
{
	struct counts *counts = data;

	(void)size;
	counts->adds = info->dlpi_adds;
	counts->subs = info->dlpi_subs;
	return 1;
}

static struct counts get_counts(void)
{
	struct counts counts = { 0, 0 };

	dl_iterate_phdr(take_counts, &counts);
	return counts;
}

static int open_build(void)
{
	struct link_map *map = NULL, *home = NULL;
	Dl_info info;
	void *handle = dlopen(load()->path, RTLD_NOW | RTLD_LOCAL);

	if (!handle) {
		const char *text = dlerror();

		fail(text ? text : "dlopen gave no reason");
		return -1;
	}
	load()->handle = (uintptr_t)handle;
	if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0) {
		load()->map_remote = (uintptr_t)map;
		load()->base_remote = map->l_addr;
		load()->tls_new.map_remote = (uintptr_t)map;
	}
	if (dladdr1((void *)(uintptr_t)load()->tls_home.map_remote, &info,
		    (void **)&home, RTLD_DL_LINKMAP) == 0)
		home = NULL;
	load()->tls_home.map_remote = (uintptr_t)home;
	describe_tls(&load()->tls_home);
	describe_tls(&load()->tls_new);
	return 0;
}

/* In ld.so's order: DT_INIT, then DT_INIT_ARRAY (gABI ch. 5). */
static void run_constructors(void)
{
	extern char **environ;
	static char *no_arguments[] = { NULL };
	uintptr_t base = load()->base_remote;
	const uintptr_t *array = (const void *)(base + load()->init_array_link);

	if (load()->init_link)
		((init_function *)(base + load()->init_link))(0, no_arguments,
							      environ);
	for (uint64_t i = 0; i < load()->n_init_array; i++)
		if (array[i] != 0 && array[i] != (uintptr_t)-1)
			((init_function *)array[i])(0, no_arguments, environ);
}

/* Returns 0 when the constructors returned. */
__attribute__((noinline)) static int try_constructors(void)
{
	if (__builtin_setjmp(leave)) {
		fail(load()->exit_called ? "a constructor ended the process" :
					   "a constructor crashed");
		return -1;
	}
	run_constructors();
	return 0;
}

_Noreturn void hotinject_abandon(void)
{
	__builtin_longjmp(leave, 1);
}

_Noreturn void hotinject_exit(void)
{
	load()->exit_called = 1;
	__builtin_longjmp(leave, 1);
}

/*
 * A crash is for the injector to see; blocked, the kernel would reset the host's
 * handler for it (force_sig in signal.c). And the host's setuid(2) waits until every
 * thread has taken the C library's own signal.
 */
static void unblock_signals(void)
{
	static const int crashes[] = { SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
				       SIGTRAP, SIGABRT, SIGSYS };
	static const uint64_t nptl = NPTL_SIGNALS;
	sigset_t set;

	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &nptl, NULL, sizeof(nptl));
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaddset(&set, crashes[i]);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* One load, from the request to its end; false when a constructor was left. */
static bool serve(void)
{
	static struct counts last;
	struct counts counts = get_counts();
	enum hi_load_go go;
	bool whole = true;

	load()->foreign = counts.adds != last.adds || counts.subs != last.subs;
	load()->thread = (int32_t)syscall(SYS_gettid);
	set_step(HI_LOAD_STARTED);
	if (open_build() == 0) {
		set_step(HI_LOAD_LOADED);
		go = await_go();
		if (go == HI_GO_CONSTRUCT) {
			whole = try_constructors() == 0;
			if (whole)
				set_step(HI_LOAD_CONSTRUCTED);
			go = await_go();
		}
		if (go == HI_GO_CLOSE)
			dlclose((void *)(uintptr_t)load()->handle);
	}
	last = get_counts();
	if (!whole)
		__atomic_store_n(&load()->go, HI_GO_GONE, __ATOMIC_RELEASE);
	set_step(HI_LOAD_DONE);
	return whole;
}

static void *loader(void *unused)
{
	(void)unused;
	unblock_signals();
	while (serve() && await_request())
		;
	return NULL;
}

int hotinject_spawn(void)
{
	int saved = errno;
	pthread_attr_t attr;
	pthread_t thread;
	int error = pthread_attr_init(&attr);

	if (error == 0) {
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		error = pthread_create(&thread, &attr, loader, NULL);
		pthread_attr_destroy(&attr);
	}
	errno = saved;
	return error;
}
