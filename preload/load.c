#include "preload/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "preload/guarded.h"

#define SHORT_NAP_NS 20000
#define SHORT_NAPS   500
#define NAP_NS       100000
#define NAPS_MAX     300000 /* 30 s: the injector is gone */
#define LINGER_S     1

/* Signals of the C library itself, which sigset_t functions do not touch:
   SIGCANCEL and SIGSETXID (nptl(7)). */
#define NPTL_SIGNALS (3ULL << (32 - 1))

static struct hi_shim_load *load(void)
{
	return &hi_shim.load;
}

static void set_step(enum hi_load_step step)
{
	__atomic_store_n(&load()->step, step, __ATOMIC_RELEASE);
}

static int32_t my_tid(void)
{
	return (int32_t)syscall(SYS_gettid);
}

static enum hi_load_go nap_until_go(void)
{
	for (long turn = 0; turn < SHORT_NAPS + NAPS_MAX; turn++) {
		struct timespec nap = { 0, turn < SHORT_NAPS ? SHORT_NAP_NS :
							       NAP_NS };
		uint32_t go = __atomic_exchange_n(&load()->go, HI_GO_WAIT,
						  __ATOMIC_ACQUIRE);

		if (go != HI_GO_WAIT)
			return go;
		nanosleep(&nap, NULL);
	}
	return HI_GO_KEEP;
}

/*
 * Wait until the injector says go; HI_GO_KEEP when it does not. Asleep, and not yielding
 * again and again: with a priority above the injector's, or among threads that are to be
 * stopped, that would keep a processor from whoever is waited for.
 */
static enum hi_load_go await_go(void)
{
	/* threads that constructors start are to have the host's */
	int slack_ns = prctl(PR_GET_TIMERSLACK);
	enum hi_load_go go;

	prctl(PR_SET_TIMERSLACK, 1UL);
	go = nap_until_go();
	if (slack_ns > 0)
		prctl(PR_SET_TIMERSLACK, (unsigned long)slack_ns);
	return go;
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
		/* the injector could not stop it and has started another */
		if (load()->thread != my_tid())
			return false;
		if (__atomic_compare_exchange_n(&load()->go, &go, HI_GO_GONE,
						false, __ATOMIC_ACQUIRE,
						__ATOMIC_ACQUIRE))
			return false;
		/* any other word came too late; OPEN may come meanwhile */
		if (__atomic_compare_exchange_n(&load()->go, &go, HI_GO_WAIT,
						false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE) &&
		    go == HI_GO_OPEN)
			return true;
	}
}

static void explain(const char *text)
{
	strncpy(load()->error, text, sizeof(load()->error) - 1);
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

		explain(text ? text : "dlopen gave no reason");
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

/* One load, from the request to its end; false when code of the build was left. */
static bool serve(void)
{
	static struct counts last;
	struct counts counts = get_counts();
	enum hi_load_go go;
	bool opened, whole = true;

	load()->foreign = counts.adds != last.adds || counts.subs != last.subs;
	load()->thread = my_tid();
	set_step(HI_LOAD_STARTED);
	opened = open_build() == 0;
	set_step(opened ? HI_LOAD_LOADED : HI_LOAD_FAILED);
	for (go = await_go(); go == HI_GO_RESOLVE || go == HI_GO_CONSTRUCT;
	     go = await_go()) {
		enum hi_load_step step = hi_guarded_run(go);

		whole = whole && step != HI_LOAD_FAILED;
		set_step(step);
	}
	if (go == HI_GO_CLOSE && opened)
		dlclose((void *)(uintptr_t)load()->handle);
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
