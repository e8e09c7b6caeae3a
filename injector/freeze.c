#include "injector/freeze.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/clock.h"
#include "injector/priority.h"

#define CALL_MAX 7 /* bytes of the longest call instruction */

/* Quick exclusion: one range over the text of all builds. */
struct text_span {
	uint64_t low, high;
};

static struct text_span get_span(const struct hi_worker *worker)
{
	struct text_span span = { UINT64_MAX, 0 };

	for (size_t i = 0; i < worker->n_builds; i++) {
		const struct hi_build *build = worker->builds[i];
		const struct hi_image_header *header =
			hi_image_get_header(build->image);
		uint64_t low = build->base_remote + header->load_start_link;
		uint64_t high = build->base_remote + header->span_link;

		span.low = low < span.low ? low : span.low;
		span.high = high > span.high ? high : span.high;
	}
	return span;
}

static struct hi_build *find_text(const struct hi_worker *worker, uint64_t at)
{
	struct hi_build *build = hi_worker_find_build(worker, at);

	return build && hi_build_covers_text(build, at) ? build : NULL;
}

/*
 * Whether the bytes before an address are a call: e8 rel32, or ff /2 with one of
 * its operand lengths (Intel SDM vol. 2, CALL). Data that looks like a code
 * address seldom is a return address.
 */
static bool follows_call(const struct hi_build *build, uint64_t at)
{
	uint64_t link = at - build->base_remote;
	const uint8_t *bytes =
		hi_image_find_bytes(build->image, link - CALL_MAX, CALL_MAX);

	if (!bytes)
		return true;
	if (bytes[CALL_MAX - 5] == 0xe8)
		return true;
	for (int len = 2; len <= CALL_MAX; len++) {
		const uint8_t *insn = bytes + CALL_MAX - len;

		if (insn[0] == 0xff && (insn[1] & 0x38) == 0x10)
			return true;
	}
	return false;
}

static int add_word(struct hi_look *look, uint64_t word)
{
	uint64_t *grown;

	if ((look->n_words & (look->n_words - 1)) == 0) {
		grown = reallocarray(look->words,
				     look->n_words ? look->n_words * 2 : 1, 8);
		if (!grown)
			return -1;
		look->words = grown;
	}
	look->words[look->n_words++] = word;
	return 0;
}

/* What the words of a stack are compared with. */
struct search {
	const struct hi_worker *worker;
	struct text_span span;
	struct hi_look *look;
};

static void find_words(void *context, const uint64_t *words, size_t n)
{
	const struct search *search = context;

	for (size_t i = 0; i < n; i++) {
		const struct hi_build *build;

		if (words[i] < search->span.low ||
		    words[i] >= search->span.high)
			continue;
		build = find_text(search->worker, words[i]);
		if (build && follows_call(build, words[i]))
			(void)add_word(search->look, words[i]);
	}
}

/* Which of the words are frames. Not known for sure counts as inside. */
static void confirm(const struct hi_worker *worker,
		    struct hi_unwinder *unwinder, struct hi_look *look)
{
	struct hi_frames *HI_FREE frames = malloc(sizeof(*frames));

	if (!frames) {
		look->inside = true;
		return;
	}
	hi_unwind(unwinder, look->tid, &look->start, frames);
	for (size_t i = 0; i < frames->n; i++) {
		if (!find_text(worker, frames->frames[i].pc))
			continue;
		look->inside = true;
		look->inside_pc = frames->frames[i].pc;
	}
	if (!look->inside && !frames->whole && look->n_words) {
		look->inside = true;
		look->inside_pc = look->words[0] - 1;
	}
}

static int look_at(const struct hi_host *host, const struct hi_worker *worker,
		   struct hi_stacks *stacks, struct hi_look *look,
		   struct hi_err *err)
{
	struct search search = { worker, get_span(worker), look };
	uint64_t pc = look->start.regs.rip;
	uint64_t sp = look->start.regs.rsp;
	int code;

	if (find_text(worker, pc)) {
		look->inside = true;
		look->inside_pc = pc;
	}
	if (hi_stacks_read(stacks, host, sp, false, find_words, &search))
		return 0;
	look->n_words = 0;
	hi_stacks_stale(stacks);
	code = hi_stacks_refresh(stacks, host, err);
	if (code == 0)
		(void)hi_stacks_read(stacks, host, sp, true, find_words,
				     &search);
	return code;
}

static bool is_asleep(struct hi_host *host, struct hi_thread *thread,
		      struct hi_look *look)
{
	uint64_t sp, pc;
	long number;

	if (thread->held ||
	    !hi_host_find_sleep(host, thread, &number, &sp, &pc))
		return false;
	look->start.regs.rsp = sp;
	look->start.regs.rip = pc;
	return true;
}

/*
 * Threads that have no look yet, and whether they will have to be stopped; false
 * when there are none.
 */
static bool sort_out(struct hi_host *host, struct hi_freeze *freeze)
{
	size_t n = freeze->n_looks + HASH_COUNT(host->threads);
	struct hi_thread *thread, *next;
	struct hi_look *grown;

	freeze->n_before = freeze->n_looks;
	grown = reallocarray(freeze->looks, n + 1, sizeof(*grown));
	if (!grown)
		return false;
	freeze->looks = grown;
	HASH_ITER(hh, host->threads, thread, next) {
		struct hi_look *look = &freeze->looks[freeze->n_looks];

		if (thread->mine || thread->freeze == freeze->started_ns)
			continue;
		thread->freeze = freeze->started_ns;
		memset(look, 0, sizeof(*look));
		look->tid = thread->tid;
		look->held = !is_asleep(host, thread, look);
		freeze->n_looks++;
	}
	return freeze->n_looks > freeze->n_before;
}

static int ask(struct hi_host *host, struct hi_look *look, struct hi_err *err)
{
	struct hi_thread *thread = hi_host_find_thread(host, look->tid);
	int code = thread ? hi_host_ask(host, thread, err) : HI_E_GONE;

	look->held = true;
	return code == HI_E_GONE ? 0 : code; /* found out by await_all() */
}

/* Those that run are asked to stop, those that have woken up meanwhile, too. */
static int ask_all(struct hi_host *host, struct hi_freeze *freeze,
		   struct hi_err *err)
{
	int code = 0;

	for (size_t i = freeze->n_before; i < freeze->n_looks && code == 0; i++)
		if (freeze->looks[i].held)
			code = ask(host, &freeze->looks[i], err);
	for (size_t i = freeze->n_before; i < freeze->n_looks && code == 0;
	     i++) {
		struct hi_look *look = &freeze->looks[i];
		struct hi_thread *thread = hi_host_find_thread(host, look->tid);

		if (!look->held && (!thread || !is_asleep(host, thread, look)))
			code = ask(host, look, err);
	}
	return code;
}

/* Each is looked at as soon as it stands, while others are on their way. */
static int await_all(struct hi_host *host, const struct hi_worker *worker,
		     struct hi_stacks *stacks, struct hi_freeze *freeze,
		     struct hi_err *err)
{
	int code = 0;

	for (size_t i = freeze->n_before; i < freeze->n_looks && code == 0;
	     i++) {
		struct hi_look *look = &freeze->looks[i];
		struct hi_thread *thread = hi_host_find_thread(host, look->tid);

		if (look->held)
			code = thread ? hi_host_await(host, thread, err) :
					HI_E_GONE;
		if (look->held && code == 0)
			code = hi_tracee_get_regs(look->tid, &look->start.regs,
						  err);
		if (code == HI_E_GONE && !host->ended) {
			/* ended meanwhile: nothing to look at */
			code = 0;
			free(look->words);
			*look = freeze->looks[--freeze->n_looks];
			i--;
			continue;
		}
		look->start.all = look->held;
		if (code == 0)
			code = look_at(host, worker, stacks, look, err);
	}
	return code;
}

/*
 * A sleeper whose frames could not be followed from outside: stop it after all. The
 * system call it sleeps in goes on afterwards (hi_host_release()).
 */
static void look_closer(struct hi_host *host, const struct hi_worker *worker,
			struct hi_unwinder *unwinder, struct hi_look *look)
{
	struct hi_thread *thread = hi_host_find_thread(host, look->tid);

	if (!thread || hi_host_hold(host, thread, NULL) < 0)
		return;
	if (hi_tracee_get_regs(look->tid, &look->start.regs, NULL) < 0)
		return;
	look->held = true;
	look->start.all = true;
	look->inside = false;
	confirm(worker, unwinder, look);
}

int hi_freeze(struct hi_host *host, const struct hi_worker *worker,
	      struct hi_stacks *stacks, struct hi_unwinder *unwinder,
	      struct hi_freeze *ret_freeze, struct hi_err *err)
{
	struct hi_freeze freeze = { .started_ns = hi_clock_ns() };
	bool more = sort_out(host, &freeze);
	int code = 0;

	freeze.fifo = hi_priority_raise(HI_PRIORITY_SELF);
	freeze.stopped_ns = hi_clock_ns();
	/* again for threads that others have started before they stood */
	while (code == 0 && more) {
		code = ask_all(host, &freeze, err);
		if (code == 0)
			code = await_all(host, worker, stacks, &freeze, err);
		more = code == 0 && sort_out(host, &freeze);
	}
	if (code == 0 && !freeze.looks)
		code = hi_fail(err, HI_E_NOMEM, "no memory to stop the host");
	if (code < 0) {
		hi_thaw(host, &freeze);
		hi_freeze_done(&freeze);
		return code;
	}
	for (size_t i = 0; i < freeze.n_looks; i++) {
		struct hi_look *look = &freeze.looks[i];

		if (look->inside || look->n_words == 0)
			continue;
		confirm(worker, unwinder, look);
		if (look->inside && !look->held)
			look_closer(host, worker, unwinder, look);
	}
	*ret_freeze = freeze;
	return 0;
}

void hi_freeze_explain(const struct hi_worker *worker,
		       struct hi_unwinder *unwinder, struct hi_look *look)
{
	confirm(worker, unwinder, look);
}

void hi_thaw(struct hi_host *host, struct hi_freeze *freeze)
{
	for (size_t i = 0; i < freeze->n_looks; i++) {
		struct hi_thread *thread =
			hi_host_find_thread(host, freeze->looks[i].tid);

		if (thread && (freeze->looks[i].held || thread->wanted))
			hi_host_release(host, thread);
	}
	freeze->paused_ns = hi_clock_ns() - freeze->stopped_ns;
	if (freeze->fifo)
		hi_priority_lower(HI_PRIORITY_SELF);
}

void hi_freeze_done(struct hi_freeze *freeze)
{
	for (size_t i = 0; i < freeze->n_looks; i++)
		free(freeze->looks[i].words);
	free(freeze->looks);
	freeze->looks = NULL;
	freeze->n_looks = 0;
}

struct hi_look *hi_freeze_find_inside(const struct hi_freeze *freeze)
{
	for (size_t i = 0; i < freeze->n_looks; i++)
		if (freeze->looks[i].inside)
			return &freeze->looks[i];
	return NULL;
}

bool hi_freeze_is_inside(const struct hi_freeze *freeze,
			 const struct hi_build *build)
{
	for (size_t i = 0; i < freeze->n_looks; i++) {
		const struct hi_look *look = &freeze->looks[i];

		if (!look->inside)
			continue;
		if (hi_build_covers(build, look->start.regs.rip))
			return true;
		for (size_t w = 0; w < look->n_words; w++)
			if (hi_build_covers(build, look->words[w]))
				return true;
	}
	return false;
}

const struct hi_look *hi_freeze_find_between(const struct hi_freeze *freeze,
					     uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < freeze->n_looks; i++) {
		const struct hi_look *look = &freeze->looks[i];
		uint64_t pc = look->start.regs.rip;

		if (pc > start && pc < end)
			return look;
		for (size_t w = 0; w < look->n_words; w++)
			if (look->words[w] > start && look->words[w] < end)
				return look;
	}
	return NULL;
}
