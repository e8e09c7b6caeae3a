#include "injector/loader.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "injector/clock.h"
#include "injector/loader_parts.h"
#include "injector/priority.h"
#include "injector/safe_point.h"
#include "injector/reach.h"
#include "injector/sandbox.h"

#define SAFE_POINT_LIMIT_NS (10 * HI_NS_PER_S)
#define OPEN_LIMIT_NS       (20ULL * HI_NS_PER_S)
#define LINGER_NS           (3 * HI_NS_PER_S / 2) /* longer than a thread lingers */
#define SPIN_NS             (3 * HI_NS_PER_MS)
#define SPARE_SLOTS         8 /* pairs for thread-locals */

/* The fields before the long texts. */
#define SHORT_LEN offsetof(struct hi_shim_load, path)

uint64_t hi_loader_load_remote(const struct hi_loader *loader)
{
	return loader->place->shim_remote + offsetof(struct hi_shim, load);
}

static int write_request(struct hi_loader *loader,
			 const struct hi_worker *worker,
			 const struct hi_build *build, struct hi_err *err)
{
	struct hi_constructors constructors;
	struct hi_shim_load *load = &loader->load;
	const char *path = hi_reach_inside(build->path);
	char zero[8] = "";
	int code;

	memset(load, 0, SHORT_LEN);
	load->thread = loader->thread;
	hi_build_get_constructors(build, &constructors);
	load->init_link = constructors.init_link;
	load->init_array_link = constructors.init_array_link;
	load->n_init_array = constructors.n_init_array;
	load->tls_home.map_remote = worker->builds[0]->base_remote;
	code = hi_remote_write(loader->host, hi_loader_load_remote(loader),
			       load, SHORT_LEN, err);
	if (code == 0)
		code = hi_remote_write(
			loader->host, hi_loader_load_remote(loader) + SHORT_LEN,
			path, strlen(path) + 1, err);
	if (code == 0)
		code = hi_remote_write(loader->host,
				       hi_loader_load_remote(loader) +
					       offsetof(struct hi_shim_load,
							error),
				       zero, sizeof(zero), err);
	return code;
}

static int say(const struct hi_loader *loader, enum hi_load_go go,
	       struct hi_err *err)
{
	uint32_t word = go;

	return hi_remote_write(loader->host,
			       hi_loader_load_remote(loader) +
				       offsetof(struct hi_shim_load, go),
			       &word, sizeof(word), err);
}

static int reserve_slots(struct hi_loader *loader, struct hi_thread *thread,
			 struct hi_worker *worker, size_t n, struct hi_err *err)
{
	const struct hi_build *first = worker->builds[0];
	const struct hi_image_header *header =
		hi_image_get_header(first->image);

	return hi_table_reserve(worker->table, loader->host, thread,
				loader->place,
				first->base_remote + header->load_start_link,
				first->base_remote + header->span_link, n, err);
}

int hi_loader_reserve(struct hi_loader *loader, struct hi_worker *worker,
		      struct hi_err *err)
{
	size_t n = hi_worker_count_slotless(worker) + SPARE_SLOTS;
	struct hi_thread *thread =
		hi_host_find_thread(loader->host, loader->thread);
	int code;

	if (hi_table_get_room(worker->table) >= n)
		return 0;
	if (!thread)
		return hi_fail(err, HI_E_GONE, "the loader's thread has ended");
	code = hi_host_hold(loader->host, thread, err);
	if (code < 0)
		return code;
	code = reserve_slots(loader, thread, worker, n, err);
	hi_host_release(loader->host, thread);
	return code;
}

int hi_loader_read(struct hi_loader *loader, struct hi_err *err)
{
	int code = hi_remote_read(loader->host, hi_loader_load_remote(loader),
				  &loader->load, SHORT_LEN, err);

	struct hi_thread *thread;

	if (code < 0 || !loader->load.thread)
		return code;
	loader->thread = loader->load.thread;
	thread = hi_host_find_thread(loader->host, loader->thread);
	if (thread)
		thread->mine = true;
	return 0;
}

/* The loader thread has run and is no more. */
static bool is_gone(const struct hi_loader *loader)
{
	return loader->thread &&
	       !hi_host_find_thread(loader->host, loader->thread);
}

/* The thread may have ended with the whole host, the news of which comes last. */
static int fail_gone(const struct hi_loader *loader, struct hi_err *err)
{
	struct hi_host *host = loader->host;

	if (hi_host_await_end(host))
		return hi_fail(err, HI_E_GONE, "%s has ended", host->name);
	return hi_fail(err, HI_E_LOAD, "a constructor ended its thread");
}

int hi_loader_await_beyond(struct hi_loader *loader, enum hi_load_step step,
			   uint64_t limit_ns, struct hi_err *err)
{
	uint64_t start = hi_clock_ns();

	for (;;) {
		uint64_t waited = hi_clock_ns() - start;
		int code = hi_loader_read(loader, err);

		if (code < 0)
			return code;
		if (loader->load.step > (uint32_t)step)
			return 0;
		hi_host_pump(loader->host);
		if (loader->host->ended)
			return hi_fail(err, HI_E_GONE, "%s has ended",
				       loader->host->name);
		if (is_gone(loader) && hi_loader_read(loader, err) == 0 &&
		    loader->load.step <= (uint32_t)step)
			return fail_gone(loader, err);
		if (waited > limit_ns)
			return hi_fail(
				err, HI_E_BUSY,
				"the load has not ended after %llu s",
				(unsigned long long)(limit_ns / HI_NS_PER_S));
		/* a nap, not a yield: at SCHED_FIFO a yield lets nobody run */
		hi_clock_nap_us(waited > SPIN_NS ? 50 : 5);
	}
}

/* The thread of the load before has come to its end. */
static int await_idle(struct hi_loader *loader, struct hi_err *err)
{
	int code = hi_loader_read(loader, err);

	if (code < 0 || !loader->requested || is_gone(loader))
		return code;
	return hi_loader_await_beyond(loader, HI_LOAD_FAILED, OPEN_LIMIT_NS,
				      err);
}

static struct hi_thread *find_lingering(struct hi_loader *loader)
{
	struct hi_thread *thread =
		hi_host_find_thread(loader->host, loader->thread);

	return thread && thread->mine ? thread : NULL;
}

void hi_loader_rouse(struct hi_loader *loader)
{
	struct hi_thread *thread = find_lingering(loader);

	if (thread && hi_loader_read(loader, NULL) == 0 &&
	    loader->load.step == HI_LOAD_DONE)
		(void)!hi_host_ask(loader->host, thread, NULL);
}

void hi_loader_relax(struct hi_loader *loader)
{
	struct hi_thread *thread = find_lingering(loader);

	if (thread)
		hi_host_release(loader->host, thread);
}

/*
 * The thread of the load before, stopped, when it lingers. Stopped, it cannot turn
 * its back while the next request is written.
 */
static struct hi_thread *hold_lingering(struct hi_loader *loader)
{
	struct hi_thread *thread = find_lingering(loader);

	if (!thread || loader->load.step != HI_LOAD_DONE ||
	    hi_sandbox_has(loader->host->pid, thread->tid) ||
	    hi_host_hold(loader->host, thread, NULL) < 0)
		return NULL;
	if (hi_loader_read(loader, NULL) == 0 && loader->load.go == HI_GO_WAIT)
		return thread;
	hi_host_release(loader->host, thread);
	return NULL;
}

static int start_lingering(struct hi_loader *loader, struct hi_thread *thread,
			   const struct hi_worker *worker,
			   const struct hi_build *build, struct hi_err *err)
{
	int code = write_request(loader, worker, build, err);

	if (code == 0)
		code = say(loader, HI_GO_OPEN, err);
	loader->requested = code == 0;
	hi_host_release(loader->host, thread);
	return code;
}

/* Borrow a thread of the host to create the loader. */
static int start_new(struct hi_loader *loader, const struct hi_worker *worker,
		     const struct hi_build *build, struct hi_err *err)
{
	struct hi_remote_call call;
	struct hi_thread *thread = NULL;
	uint64_t result = 0;
	int code;

	/* one that lingers nevertheless sees that it is not meant */
	loader->thread = 0;
	loader->requested = false;
	code = write_request(loader, worker, build, err);
	if (code == 0)
		code = hi_safe_point_hold(loader->host, loader->unwinder,
					  SAFE_POINT_LIMIT_NS, &thread, err);
	if (code < 0)
		return code;
	code = hi_remote_start(loader->host, thread, loader->place,
			       loader->place->shim.spawn_remote, &call, err);
	if (code < 0) {
		hi_host_release(loader->host, thread);
		return code;
	}
	code = hi_remote_finish(loader->host, loader->place, &call, &result,
				err);
	loader->requested = code < 0 || result == 0;
	if (code == 0 && result != 0)
		code = hi_fail(err, HI_E_LOAD,
			       "the host cannot start a thread for the load: "
			       "%s",
			       strerror((int)result));
	return code;
}

int hi_loader_start(struct hi_loader *loader, const struct hi_worker *worker,
		    const struct hi_build *build, bool alone,
		    struct hi_err *err)
{
	struct hi_thread *thread;
	int code = await_idle(loader, err);

	if (code < 0)
		return code;
	loader->crash_signal = 0;
	thread = hold_lingering(loader);
	if (thread) {
		code = start_lingering(loader, thread, worker, build, err);
		/* once it runs: the kernel wakes one of such a priority where
		   it ran before, which may be the processor that we need */
		if (code == 0 && alone)
			loader->hurried = hi_priority_raise(thread->tid);
		return code;
	}
	hi_loader_relax(loader);
	return start_new(loader, worker, build, err);
}

static void end_hurry(struct hi_loader *loader)
{
	if (loader->hurried)
		hi_priority_lower(loader->thread);
	loader->hurried = false;
}

/* dlerror() begins with the snapshot's path, which says nothing to the user. */
static int fail_with_dlerror(struct hi_loader *loader,
			     const struct hi_worker *worker,
			     const struct hi_build *build, struct hi_err *err)
{
	char text[HI_SHIM_ERROR_MAX];
	const char *rest = text;
	const char *path = hi_reach_inside(build->path);
	size_t len = strlen(path);

	if (hi_remote_read(loader->host,
			   hi_loader_load_remote(loader) +
				   offsetof(struct hi_shim_load, error),
			   text, sizeof(text), NULL) < 0 ||
	    !text[0])
		strcpy(text, "the host's dlopen(3) gave no reason");
	text[sizeof(text) - 1] = '\0';
	if (strncmp(text, path, len) == 0) {
		rest = text + len;
		rest += strspn(rest, ": ");
	}
	if (loader->crash_signal)
		return hi_fail(err, HI_E_LOAD,
			       "a constructor of %s crashed (%s)", worker->name,
			       sigabbrev_np(loader->crash_signal) ?
				       sigabbrev_np(loader->crash_signal) :
				       "signal");
	if (strstr(rest, "cannot open") &&
	    hi_sandbox_explain(loader->host->pid, loader->host->name,
			       build->path, err) < 0)
		return HI_E_LOAD;
	hi_fail(err, HI_E_LOAD, "%s", rest);
	if (strstr(rest, "cannot be dlopen()ed"))
		hi_err_hint(err, "link the worker without -z nodlopen");
	return HI_E_LOAD;
}

/* How far the load of the session before has come: true when its thread waits. */
static bool is_unended(struct hi_loader *loader)
{
	enum hi_load_step step = loader->load.step;

	if (!loader->load.thread || is_gone(loader) || step == HI_LOAD_DONE)
		return false;
	/* asked for, perhaps: a thread that lingers ends soon if it was not */
	if (step == HI_LOAD_NONE &&
	    hi_loader_await_beyond(loader, HI_LOAD_NONE, LINGER_NS, NULL) < 0)
		return false;
	step = loader->load.step;
	if (step == HI_LOAD_STARTED || step == HI_LOAD_RUNNING)
		return hi_loader_await_beyond(loader, step, OPEN_LIMIT_NS,
					      NULL) == 0;
	return step != HI_LOAD_DONE;
}

int hi_loader_take_up(struct hi_loader *loader, struct hi_err *err)
{
	int code = hi_loader_read(loader, err);

	if (code < 0)
		return code;
	loader->requested = is_unended(loader);
	if (loader->thread)
		hi_priority_lower(loader->thread);
	return loader->requested ? say(loader, HI_GO_KEEP, err) : 0;
}

int hi_loader_await(struct hi_loader *loader, struct hi_worker *worker,
		    struct hi_build *build, struct hi_err *err)
{
	int code = hi_loader_await_beyond(loader, HI_LOAD_STARTED,
					  OPEN_LIMIT_NS, err);

	end_hurry(loader);
	if (code < 0)
		return code;
	if (loader->load.step == HI_LOAD_FAILED ||
	    loader->load.step == HI_LOAD_DONE)
		return fail_with_dlerror(loader, worker, build, err);
	if (hi_worker_find_build(worker, loader->load.base_remote))
		return hi_fail(err, HI_E_INTERNAL,
			       "the host's loader took the new build for one "
			       "that it has");
	build->base_remote = loader->load.base_remote;
	build->map_remote = loader->load.map_remote;
	build->tls = loader->load.tls_new;
	if (!worker->builds[0]->tls.module)
		worker->builds[0]->tls = loader->load.tls_home;
	return 0;
}

void hi_loader_end(struct hi_loader *loader, bool keep)
{
	if (hi_loader_await_beyond(loader, HI_LOAD_NONE, OPEN_LIMIT_NS, NULL) ==
	    0)
		(void)!say(loader, keep ? HI_GO_KEEP : HI_GO_CLOSE, NULL);
	end_hurry(loader);
}
