#include "injector/escape_parts.h"

#include <string.h>

#include "injector/remote.h"

#define FRAMES_MAX \
	(1UL << 20) /* that a stack can hold: 16 bytes each of 16 MB */
#define CALL_MAX 7  /* bytes of the longest call instruction */

struct search {
	const struct hi_host *host;
	struct hi_worker *const *workers;
	size_t n_workers;
	struct hi_escape *escape;
	bool found, lost, interrupted, endless;
};

static struct hi_build *find_build(const struct search *search, uint64_t pc,
				   const struct hi_worker **ret_worker)
{
	for (size_t i = 0; i < search->n_workers; i++) {
		struct hi_build *build =
			hi_worker_find_build(search->workers[i], pc);

		if (!build || !hi_build_covers_text(build, pc))
			continue;
		*ret_worker = search->workers[i];
		return build;
	}
	return NULL;
}

/* Whether what is above was called by a function of the worker that is gone. */
static bool has_jumped(const struct search *search,
		       const struct hi_frame_view *view)
{
	return !view->activation &&
	       hi_escape_add_jumped(search->host, search->workers,
				    search->n_workers, view->pc,
				    search->escape);
}

static bool take(void *context, const struct hi_frame_view *view)
{
	struct search *search = context;
	struct hi_escape *escape = search->escape;
	const struct hi_worker *worker = escape->worker;
	struct hi_escape_frame frame = { view->activation ? view->pc :
							    view->pc - 1,
					 NULL };
	struct hi_build *build = find_build(search, frame.pc, &worker);

	/* below a signal's frame: its handler is the host's */
	search->interrupted = escape->n_frames > 0 && view->activation &&
			      !escape->build;
	search->endless = escape->n_frames == FRAMES_MAX;
	if (search->interrupted || search->endless)
		return false;
	if (!build && (escape->build || has_jumped(search, view))) {
		search->found = true;
		search->lost = !hi_frame_get_regs(view, &escape->regs);
		return false;
	}
	frame.build = build;
	if (build && !escape->build)
		escape->innermost = frame;
	if (build) {
		escape->build = build;
		escape->worker = worker;
		escape->entered_pc = frame.pc;
	}
	escape->n_before += !escape->build;
	if (escape->n_frames < HI_ESCAPE_FRAMES)
		escape->frames[escape->n_frames] = frame;
	escape->n_frames++;
	return true;
}

/* mov $15,%rax; syscall: what a handler returns to. */
static bool is_signal_return(const uint8_t *bytes)
{
	static const uint8_t code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0,
					0,    0,    0x0f, 0x05 };

	return memcmp(bytes, code, sizeof(code)) == 0;
}

/* Whether the frame that is to go on made a call there (Intel SDM vol. 2, CALL). */
static bool is_plausible(const struct hi_host *host, struct hi_escape *escape)
{
	uint8_t bytes[CALL_MAX + 9];
	const uint8_t *end = bytes + CALL_MAX;
	uint8_t stack;

	if (hi_remote_read(host, escape->regs.rip - CALL_MAX, bytes,
			   sizeof(bytes), NULL) < 0 ||
	    hi_remote_read(host, escape->regs.rsp, &stack, 1, NULL) < 0)
		return false;
	escape->is_handler = is_signal_return(end);
	if (escape->is_handler || end[-5] == 0xe8)
		return true;
	for (int len = 2; len <= CALL_MAX; len++)
		if (end[-len] == 0xff && (end[-len + 1] & 0x38) == 0x10)
			return true;
	return false;
}

/*
 * A call to where nothing is: the frame is its caller's, with the return address on
 * top. What holds in the call holds still.
 */
static bool leave_nowhere(const struct hi_host *host,
			  struct hi_start_regs *start)
{
	uint64_t back;
	uint8_t byte;

	if (hi_remote_read(host, start->regs.rip, &byte, 1, NULL) == 0 ||
	    hi_remote_read(host, start->regs.rsp, &back, 8, NULL) < 0)
		return false;
	start->regs.rip = back - 1;
	start->regs.rsp += 8;
	return true;
}

int hi_escape_find(const struct hi_host *host, struct hi_unwinder *unwinder,
		   struct hi_worker *const *workers, size_t n_workers,
		   pid_t tid, const struct hi_start_regs *start,
		   struct hi_escape *ret_escape, struct hi_err *err)
{
	struct hi_escape escape = { .regs = start->regs };
	struct search search = { .host = host,
				 .workers = workers,
				 .n_workers = n_workers,
				 .escape = &escape };
	struct hi_start_regs from = *start;
	bool nowhere = leave_nowhere(host, &from);

	hi_unwind_each(unwinder, tid, &from, take, &search);
	*ret_escape = escape;
	if (nowhere && !search.interrupted && !escape.build &&
	    hi_escape_from_nowhere(host, workers, n_workers, &start->regs,
				   ret_escape))
		return 0;
	if (search.interrupted || !escape.build)
		return hi_fail(err, HI_E_CLOSED, "thread %d is not inside",
			       tid);
	if (search.endless) {
		ret_escape->regs.rip = 0;
		return hi_fail(err, HI_E_HOST,
			       "the stack of thread %d has no end", tid);
	}
	if (!search.found || search.lost || !is_plausible(host, ret_escape)) {
		ret_escape->regs.rip = 0;
		return hi_fail(err, HI_E_HOST,
			       "the frames of thread %d between %s and the "
			       "host cannot be followed",
			       tid, escape.worker->name);
	}
	return 0;
}
