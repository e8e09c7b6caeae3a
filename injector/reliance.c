#include "injector/reliance.h"

#include <stdlib.h>
#include <string.h>

#include "elfscan/producer.h"
#include "injector/remote.h"

/* Of a function of the build; of aliases, the first one stands for all. */
enum {
	RUNS = 1,   /* its old code may go on running */
	CALLED = 2, /* by such code */
	KEPT = 4,   /* its entry is to lead nowhere else */
};

/* One build whose code may go on running. Arrays have an element for each function. */
struct judgement {
	struct hi_publish *publish;
	const struct hi_worker *worker;
	const struct hi_host *host;
	struct hi_build *next;
	struct hi_build *build;
	const struct hi_freeze *inside;
	const struct hi_symbol *symbols;
	size_t n;
	struct hi_function **leads; /* to whose trampoline its entry leads or
				       will lead; NULL: to its own code */
	uint8_t *marks;
	size_t *queue; /* those that run */
	size_t n_queue;
	uint64_t relied; /* HI_CLOBBERS_... bits */
	bool any;        /* is kept */
	struct hi_err *err;
	int code;
};

static size_t first_alias(const struct judgement *judgement, size_t i)
{
	const struct hi_symbol *symbols = judgement->symbols;

	while (i > 0 && symbols[i - 1].addr_link == symbols[i].addr_link)
		i--;
	return i;
}

static struct hi_bodies *bodies_of(struct judgement *judgement,
				   struct hi_build *build)
{
	if (!build->bodies && judgement->code == 0)
		judgement->code = hi_bodies_new(build->image, build->symtab,
						&build->bodies, judgement->err);
	return build->bodies;
}

static void run(struct judgement *judgement, size_t i)
{
	size_t first = first_alias(judgement, i);

	if (judgement->marks[first] & RUNS)
		return;
	judgement->marks[first] |= RUNS;
	judgement->queue[judgement->n_queue++] = first;
}

static void run_at(struct judgement *judgement, uint64_t address_remote)
{
	uint64_t link = address_remote - judgement->build->base_remote;
	const struct hi_symbol *symbol;

	if (!hi_build_covers_text(judgement->build, address_remote))
		return;
	symbol = hi_symtab_find_function_at(judgement->build->symtab, link);
	if (symbol)
		run(judgement, (size_t)(symbol - judgement->symbols));
	/* code without a name may call anything */
	for (size_t i = 0; !symbol && i < judgement->n; i++)
		run(judgement, i);
}

static void run_frames(struct judgement *judgement)
{
	const struct hi_freeze *inside = judgement->inside;

	for (size_t i = 0; inside && i < inside->n_looks; i++) {
		const struct hi_look *look = &inside->looks[i];

		if (!look->inside)
			continue;
		run_at(judgement, look->start.regs.rip);
		for (size_t w = 0; w < look->n_words; w++)
			run_at(judgement, hi_word_get_pc(&look->words[w]));
	}
}

static bool is_removed(const struct hi_function *function,
		       const struct hi_build *build)
{
	return !function->next_symbol && function->current == build;
}

/* The build has a pointer to what is at LINK. */
static void run_pointer(struct judgement *judgement, uint64_t link)
{
	const struct hi_build *build = judgement->build;
	const struct hi_symbol *symbol =
		hi_symtab_find_function_at(build->symtab, link);

	if (!symbol || symbol->addr_link != link)
		return;
	for (size_t i = (size_t)(symbol - judgement->symbols);
	     i < judgement->n && judgement->symbols[i].addr_link == link; i++)
		if (build->functions[i] &&
		    is_removed(build->functions[i], build))
			run(judgement, i);
}

/* Functions that the new build has no more, and that a pointer may still reach. */
static void run_removed(struct judgement *judgement)
{
	const struct hi_build *build = judgement->build;

	for (size_t i = 0; i < judgement->n; i++)
		if (judgement->symbols[i].exported)
			run_pointer(judgement, judgement->symbols[i].addr_link);
	for (size_t i = 0; i < build->sites.n_sites; i++)
		if (build->sites.sites[i].kind == HI_SITE_FUNCTION)
			run_pointer(judgement,
				    build->sites.sites[i].target_link);
	for (size_t i = 0; i < build->n_relocs; i++) {
		const struct hi_reloc *reloc = &build->relocs[i];

		run_pointer(judgement, reloc->name[0] ?
					       reloc->sym_link :
					       (uint64_t)reloc->addend);
	}
}

/* Whether the function that an entry leads to may stand for the one that is there. */
static bool is_gentle(struct judgement *judgement, size_t first)
{
	const struct hi_function *function = judgement->leads[first];
	bool stays = !function->next_symbol;
	struct hi_build *to = stays ? function->current : judgement->next;
	const struct hi_symbol *symbol = stays ? function->current_symbol :
						 function->next_symbol;
	struct hi_bodies *old, *new;
	uint64_t least, most;

	/* what a build with patch points calls is not what its code says */
	if (!to || to->retired || to->entries)
		return false;
	old = bodies_of(judgement, judgement->build);
	new = bodies_of(judgement, to);
	if (!old || !new)
		return false;
	least = hi_bodies_get_clobbers(old, first).least;
	if ((judgement->relied & ~least) == 0)
		return true;
	most = hi_bodies_get_clobbers(new, hi_build_function_index(to, symbol))
		       .most;
	return (judgement->relied & most & ~least) == 0;
}

/* CALLEE is called directly by code that runs. */
static void call(struct judgement *judgement, size_t callee)
{
	size_t first = first_alias(judgement, callee);

	if (judgement->marks[first] & CALLED)
		return;
	judgement->marks[first] |= CALLED;
	if (judgement->leads[first] && is_gentle(judgement, first))
		return;
	if (judgement->leads[first]) {
		judgement->marks[first] |= KEPT;
		judgement->any = true;
	}
	run(judgement, first);
}

static void follow(struct judgement *judgement, size_t caller)
{
	struct hi_bodies *bodies = bodies_of(judgement, judgement->build);
	const struct hi_body *body = bodies ? hi_bodies_get(bodies, caller) :
					      NULL;

	for (size_t i = 0; body && i < body->n_callees; i++)
		call(judgement, body->callees[i]);
	for (size_t i = 0; body && body->opaque && i < judgement->n; i++)
		call(judgement, i);
}

static void reach(struct judgement *judgement, uint64_t relied)
{
	memset(judgement->marks, 0, judgement->n);
	judgement->n_queue = 0;
	judgement->any = false;
	judgement->relied = relied;
	run_frames(judgement);
	run_removed(judgement);
	for (size_t i = 0; i < judgement->n_queue; i++)
		follow(judgement, judgement->queue[i]);
}

/* On what the compiler of the code that runs may have relied. */
static uint64_t ask_producers(const struct judgement *judgement)
{
	struct hi_producers producers;
	uint64_t relied = 0;

	hi_producers_init(&producers, judgement->build->image);
	for (size_t i = 0; i < judgement->n_queue; i++)
		relied |= hi_producers_get_relied(
			&producers,
			judgement->symbols[judgement->queue[i]].addr_link);
	hi_producers_done(&producers);
	return relied;
}

/* Take back what stands at the entry of function INDEX. */
static int undo(struct judgement *judgement, size_t index)
{
	struct hi_publish *publish = judgement->publish;
	struct hi_build *build = judgement->build;
	struct hi_function *function = build->functions[index];
	struct hi_patch *patch;
	int32_t distance;
	uint64_t next;

	if (hi_publish_add(publish, function, build, index) < 0)
		return hi_fail(judgement->err, HI_E_NOMEM,
			       "no memory for patch points");
	patch = &publish->patches[publish->n_patches - 1];
	patch->undo = true;
	memcpy(patch->after, build->entries[index].before, HI_JUMP_LEN);
	next = patch->entry_remote + patch->jump_at + HI_JUMP_LEN;
	distance = (int32_t)(function->slot.trampoline_remote - next);
	if (hi_remote_read(judgement->host, patch->entry_remote, patch->before,
			   patch->jump_at + HI_JUMP_LEN, NULL) < 0 ||
	    memcmp(patch->before + patch->jump_at + 1, &distance,
		   sizeof(distance)) != 0)
		return hi_fail(judgement->err, HI_E_HOST,
			       "the entry of %s() is not as it was left",
			       function->symbol->name);
	return 0;
}

static int keep(struct judgement *judgement, size_t first)
{
	struct hi_publish *publish = judgement->publish;
	struct hi_build *build = judgement->build;
	uint64_t link = judgement->symbols[first].addr_link;
	size_t n_patches = publish->n_patches;
	int code = 0;

	judgement->leads[first]->kept_by = build;
	for (size_t i = 0; i < n_patches; i++)
		if (publish->patches[i].entry_remote ==
		    build->base_remote + link)
			publish->patches[i].skipped = true;
	for (size_t i = first;
	     build->entries && i < judgement->n && code == 0 &&
	     judgement->symbols[i].addr_link == link;
	     i++)
		if (build->entries[i].redirected)
			code = undo(judgement, i);
	return code;
}

static int judgement_init(struct judgement *judgement)
{
	const struct hi_publish *publish = judgement->publish;
	const struct hi_build *build = judgement->build;
	size_t n;

	judgement->symbols = hi_symtab_get_functions(build->symtab, &n);
	judgement->n = n;
	judgement->leads = calloc(n + 1, sizeof(struct hi_function *));
	judgement->marks = calloc(n + 1, sizeof(*judgement->marks));
	judgement->queue = calloc(n + 1, sizeof(*judgement->queue));
	if (!judgement->leads || !judgement->marks || !judgement->queue)
		return hi_fail(judgement->err, HI_E_NOMEM,
			       "no memory for what old code relies on");
	for (size_t i = 0; build->entries && i < n; i++)
		if (build->entries[i].redirected)
			judgement->leads[first_alias(judgement, i)] =
				build->functions[i];
	for (size_t i = 0; i < publish->n_patches; i++) {
		const struct hi_patch *patch = &publish->patches[i];

		if (patch->build == build && !patch->skipped)
			judgement->leads[first_alias(judgement, patch->index)] =
				patch->function;
	}
	return 0;
}

static void judgement_done(struct judgement *judgement)
{
	free(judgement->leads);
	free(judgement->marks);
	free(judgement->queue);
}

static int judge_build(struct judgement *judgement)
{
	int code = judgement_init(judgement);

	if (code == 0) {
		reach(judgement, HI_CLOBBERS_ALL);
		/* the debug information may tell that less is relied on */
		if (judgement->any)
			reach(judgement, ask_producers(judgement));
		code = judgement->code;
	}
	for (size_t i = 0; code == 0 && judgement->any && i < judgement->n; i++)
		if (judgement->marks[i] & KEPT)
			code = keep(judgement, i);
	judgement_done(judgement);
	return code;
}

/* Whether code of BUILD may go on running. */
static bool is_wanted(const struct hi_build *build,
		      const struct hi_worker *worker,
		      const struct hi_freeze *inside)
{
	if (inside && hi_freeze_is_inside(inside, build))
		return true;
	for (size_t i = 0; i < worker->n_functions; i++)
		if (is_removed(worker->functions[i], build))
			return true;
	return false;
}

int hi_reliance_judge(struct hi_publish *publish, struct hi_worker *worker,
		      const struct hi_host *host, struct hi_build *next,
		      const struct hi_freeze *inside, struct hi_err *err)
{
	bool wanted = inside != NULL;
	int code = 0;

	for (size_t i = 0; i < worker->n_functions; i++) {
		worker->functions[i]->kept_by = NULL;
		wanted = wanted || !worker->functions[i]->next_symbol;
	}
	for (size_t i = 0; wanted && i < worker->n_active && code == 0; i++) {
		struct judgement judgement = {
			.publish = publish,
			.worker = worker,
			.host = host,
			.next = next,
			.build = worker->active[i],
			.inside = inside,
			.err = err,
		};

		if (is_wanted(worker->active[i], worker, inside))
			code = judge_build(&judgement);
	}
	return code;
}
