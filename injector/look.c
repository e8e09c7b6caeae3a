#include "injector/look.h"

#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "injector/sigframe_x86_64.h"

#define CALL_MAX     7 /* bytes of the longest call instruction */
#define HANDLERS_MAX 4 /* that interrupt each other */

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

static int add_word(struct hi_look *look, struct hi_word word)
{
	struct hi_word *grown;

	if ((look->n_words & (look->n_words - 1)) == 0) {
		grown = reallocarray(look->words,
				     look->n_words ? look->n_words * 2 : 1,
				     sizeof(*grown));
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
	uint64_t low,
		len; /* quick exclusion: from the first build to the last */
	struct hi_look *look;
	uint64_t interrupted_sp; /* where a signal's handler returns to, or 0 */
};

static struct search make_search(const struct hi_worker *worker,
				 struct hi_look *look)
{
	struct search search = { worker, 0, 0, look, 0 };

	if (worker->n_builds) {
		search.low = worker->places[0].start;
		search.len =
			worker->places[worker->n_builds - 1].end - search.low;
	}
	return search;
}

static void find_words(void *context, const uint64_t *words, size_t n)
{
	struct search *search = context;
	uint64_t low = search->low, len = search->len;

	for (size_t i = 0; i < n; i++) {
		struct hi_word word = { words[i], false };
		const struct hi_build *build;
		uint64_t sp = hi_sigframe_get_sp(words, i);

		if (sp)
			search->interrupted_sp = sp;
		if (words[i] - low >= len)
			continue;
		build = find_text(search->worker, words[i]);
		if (!build)
			continue;
		word.interrupted = !follows_call(build, words[i]);
		if (!word.interrupted ||
		    hi_sigframe_may_keep_pc(words + i, n - i))
			(void)add_word(search->look, word);
	}
}

/* A handler may have a stack of its own: the one that it interrupted lives on. */
static void read_interrupted(const struct hi_looker *looker,
			     struct search *search)
{
	const struct hi_maps *maps = &looker->stacks->maps;
	uint64_t sp = search->look->start.regs.rsp;

	for (int i = 0; i < HANDLERS_MAX && search->interrupted_sp; i++) {
		uint64_t next = search->interrupted_sp;
		const struct hi_map *map = hi_maps_find(maps, sp);

		search->interrupted_sp = 0;
		if (map && next > sp && next < map->end)
			return; /* it has been read */
		(void)hi_stacks_read(looker->stacks, looker->host, next, true,
				     find_words, search);
		sp = next;
	}
}

/* A stack that is not read together with others. */
static int read_alone(const struct hi_looker *looker, struct hi_look *look,
		      struct hi_err *err)
{
	struct search search = make_search(looker->worker, look);
	uint64_t sp = look->start.regs.rsp;
	int code;

	if (hi_stacks_read(looker->stacks, looker->host, sp, false, find_words,
			   &search)) {
		read_interrupted(looker, &search);
		return 0;
	}
	look->n_words = 0;
	hi_stacks_stale(looker->stacks);
	code = hi_stacks_refresh(looker->stacks, looker->host, err);
	if (code < 0)
		return code;
	(void)hi_stacks_read(looker->stacks, looker->host, sp, true, find_words,
			     &search);
	read_interrupted(looker, &search);
	return 0;
}

static void read_together(const struct hi_looker *looker, struct hi_look *looks,
			  struct hi_stack *stacks, struct search *searches,
			  size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct hi_start_regs *start = &looks[i].start;

		searches[i] = make_search(looker->worker, &looks[i]);
		stacks[i].sp = start->regs.rsp;
		stacks[i].fs_base = start->all ? start->regs.fs_base : 0;
		stacks[i].context = &searches[i];
	}
	hi_stacks_read_many(looker->host, stacks, n, find_words);
}

/*
 * Whether the function at PC was entered before a build took over from its own: since
 * then its entry leads elsewhere.
 */
bool hi_look_stays(const struct hi_looker *looker, uint64_t pc)
{
	const struct hi_worker *worker = looker->worker;
	const struct hi_build *build = find_text(worker, pc);
	const struct hi_symbol *symbol;

	if (!build || build == worker->current || !build->entries)
		return false;
	symbol = hi_symtab_find_function_at(build->symtab,
					    pc - build->base_remote);
	return symbol &&
	       build->entries[hi_build_function_index(build, symbol)].redirected;
}

bool hi_look_may_stay(const struct hi_looker *looker)
{
	const struct hi_worker *worker = looker->worker;

	for (size_t i = 0; i < worker->n_active; i++)
		if (worker->active[i] != worker->current &&
		    worker->active[i]->inside)
			return true;
	return false;
}

static bool look_at_counters(const struct hi_worker *worker,
			     struct hi_look *looks, size_t n, bool held)
{
	bool inside = false;

	for (size_t i = 0; i < n; i++) {
		uint64_t pc = looks[i].start.regs.rip;

		if (looks[i].held != held || !find_text(worker, pc))
			continue;
		looks[i].inside = true;
		looks[i].inside_pc = pc;
		inside = true;
	}
	return inside;
}

int hi_look_at(const struct hi_looker *looker, struct hi_look *looks, size_t n,
	       bool held, struct hi_err *err)
{
	struct hi_stack *HI_FREE stacks = NULL;
	struct search *HI_FREE searches = NULL;
	int code = 0;

	if (look_at_counters(looker->worker, looks, n, held) && looker->brief &&
	    !hi_look_may_stay(looker))
		return 0;
	if (held) {
		stacks = calloc(n, sizeof(*stacks));
		searches = calloc(n, sizeof(*searches));
	}
	if (stacks && searches)
		read_together(looker, looks, stacks, searches, n);
	for (size_t i = 0; i < n && code == 0; i++)
		if (stacks && searches && stacks[i].read)
			read_interrupted(looker, &searches[i]);
		else if (looks[i].held == held)
			code = read_alone(looker, &looks[i], err);
	return code;
}

uint64_t hi_word_get_pc(const struct hi_word *word)
{
	return word->address - !word->interrupted;
}

/* Which of the words are frames. Not known for sure counts as inside. */
void hi_look_confirm(const struct hi_looker *looker, struct hi_look *look)
{
	struct hi_frames *HI_FREE frames = malloc(sizeof(*frames));

	if (!frames) {
		look->inside = true;
		return;
	}
	hi_unwind(looker->unwinder, look->tid, &look->start, frames);
	for (size_t i = 0; i < frames->n; i++) {
		if (!find_text(looker->worker, frames->frames[i].pc))
			continue;
		look->inside = true;
		look->inside_pc = frames->frames[i].pc;
	}
	if (!look->inside && !frames->whole && look->n_words) {
		look->inside = true;
		look->inside_pc = hi_word_get_pc(&look->words[0]);
	}
	look->inside_frame = look->inside && frames->whole ? look->inside_pc :
							     0;
	look->stays = look->inside_frame &&
		      hi_look_stays(looker, look->inside_frame);
}

void hi_look_done(struct hi_look *look)
{
	free(look->words);
	look->words = NULL;
	look->n_words = 0;
}
