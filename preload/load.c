#include "preload/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef void init_function(int argc, char **argv, char **envp);

#define YIELDS_FIRST 2000
#define NAP_NS       100000
#define NAPS_MAX     300000 /* 30 s: the injector is gone */

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
		    (void **)&home, RTLD_DL_LINKMAP) != 0)
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

/* A crash is for the injector to see; blocked, the kernel would reset the
   host's handler for it (force_sig in signal.c). */
static void unblock_crashes(void)
{
	static const int crashes[] = { SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
				       SIGTRAP, SIGABRT, SIGSYS };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaddset(&set, crashes[i]);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *loader(void *unused)
{
	enum hi_load_go go;

	(void)unused;
	load()->thread = (int32_t)syscall(SYS_gettid);
	set_step(HI_LOAD_STARTED);
	unblock_crashes();
	if (open_build() == 0) {
		set_step(HI_LOAD_LOADED);
		go = await_go();
		if (go == HI_GO_CONSTRUCT && try_constructors() == 0)
			set_step(HI_LOAD_CONSTRUCTED);
		if (go == HI_GO_CONSTRUCT)
			go = await_go();
		if (go == HI_GO_CLOSE)
			dlclose((void *)(uintptr_t)load()->handle);
	}
	set_step(HI_LOAD_DONE);
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
