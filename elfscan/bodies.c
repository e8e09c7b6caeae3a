#include "elfscan/bodies.h"

#include <stdlib.h>
#include <string.h>

#define ENDBR_LEN 4

struct hi_bodies {
	const struct hi_image *image;
	const struct hi_symbol *functions;
	const struct hi_symtab *symtab;
	size_t n;
	struct hi_body *bodies;
	uint8_t *seen; /* one for each function */
	size_t *queue;
	struct hi_decoder *decoder;
};

static const struct hi_clobbers unknown = { 0, HI_CLOBBERS_ALL };

int hi_bodies_new(const struct hi_image *image, const struct hi_symtab *symtab,
		  struct hi_bodies **ret_bodies, struct hi_err *err)
{
	struct hi_bodies *bodies = calloc(1, sizeof(*bodies));
	int code;

	if (!bodies)
		return hi_fail(err, HI_E_NOMEM, "no memory for registers");
	bodies->image = image;
	bodies->symtab = symtab;
	bodies->functions = hi_symtab_get_functions(symtab, &bodies->n);
	bodies->bodies = calloc(bodies->n + 1, sizeof(*bodies->bodies));
	bodies->seen = calloc(bodies->n + 1, 1);
	bodies->queue = calloc(bodies->n + 1, sizeof(*bodies->queue));
	code = hi_decoder_new(&bodies->decoder, err);
	if (code == 0 && (!bodies->bodies || !bodies->seen || !bodies->queue))
		code = hi_fail(err, HI_E_NOMEM, "no memory for registers");
	if (code < 0)
		hi_bodies_free(bodies);
	else
		*ret_bodies = bodies;
	return code;
}

void hi_bodies_free(struct hi_bodies *bodies)
{
	if (!bodies)
		return;
	for (size_t i = 0; bodies->bodies && i < bodies->n; i++)
		free(bodies->bodies[i].callees);
	free(bodies->bodies);
	free(bodies->seen);
	free(bodies->queue);
	hi_decoder_free(bodies->decoder);
	free(bodies);
}

static void add_callee(struct hi_body *body, size_t callee)
{
	for (size_t i = 0; i < body->n_callees; i++)
		if (body->callees[i] == callee)
			return;
	if ((body->n_callees & (body->n_callees - 1)) == 0) {
		size_t cap = body->n_callees ? body->n_callees * 2 : 1;
		size_t *grown =
			reallocarray(body->callees, cap, sizeof(*grown));

		if (!grown) {
			body->opaque = true;
			body->own = unknown;
			return;
		}
		body->callees = grown;
	}
	body->callees[body->n_callees++] = callee;
}

/* A stub of the PLT: [endbr64] [bnd] jmp *slot(%rip). */
static bool is_stub(const struct hi_bodies *bodies, uint64_t addr_link)
{
	size_t len = ENDBR_LEN + HI_INSN_MAX;
	const uint8_t *bytes =
		hi_image_find_bytes(bodies->image, addr_link, len);
	struct hi_insn insn;
	int n = bytes ? hi_insn_measure(bytes, len, addr_link, &insn) : 0;

	if (n > 0 && insn.is_endbr64)
		n = hi_insn_measure(bytes + n, len - (size_t)n,
				    addr_link + (uint64_t)n, &insn);
	return n > 0 && insn.flow == HI_FLOW_JUMP && insn.rip_relative;
}

/* INSN leaves the function for another. */
static void add_way(struct hi_bodies *bodies, struct hi_body *body,
		    const struct hi_symbol *function,
		    const struct hi_insn *insn)
{
	uint64_t target = insn->target_link;
	const struct hi_symbol *to =
		target ? hi_symtab_find_function_at(bodies->symtab, target) :
			 NULL;

	/* parts of a function that stand apart jump back into its middle */
	if (to && (to->addr_link == target || to->clone || function->clone)) {
		add_callee(body, (size_t)(to - bodies->functions));
		return;
	}
	body->own.most = HI_CLOBBERS_ALL;
	/* a jump through a register may be a switch as well */
	if (target ? !to && is_stub(bodies, target) :
		     insn->flow == HI_FLOW_CALL || insn->rip_relative)
		body->own.least = HI_CLOBBERS_ALL;
	else if (target)
		body->opaque = true;
}

static void follow(struct hi_bodies *bodies, struct hi_body *body,
		   const struct hi_symbol *function, const struct hi_insn *insn)
{
	uint64_t target = insn->target_link;

	if (insn->flow == HI_FLOW_NEXT || insn->flow == HI_FLOW_END)
		return;
	if (insn->flow == HI_FLOW_CALL || target < function->addr_link ||
	    target >= function->addr_link + function->size)
		add_way(bodies, body, function, insn);
}

static void read_body(struct hi_bodies *bodies, size_t index)
{
	const struct hi_symbol *function = &bodies->functions[index];
	struct hi_body *body = &bodies->bodies[index];
	const uint8_t *bytes = hi_image_find_bytes(
		bodies->image, function->addr_link, function->size);
	struct hi_insn insn = { .flow = HI_FLOW_NEXT };
	size_t at = 0;

	body->read = true;
	while (bytes && at < function->size) {
		int n = hi_decoder_next(bodies->decoder, bytes + at,
					function->size - at,
					function->addr_link + at, &insn, NULL);
		struct hi_clobbers own;

		if (n <= 0)
			break;
		own = hi_decoder_get_clobbers(bodies->decoder);
		body->own.least |= own.least & HI_CLOBBERS_ALL;
		body->own.most |= own.most & HI_CLOBBERS_ALL;
		follow(bodies, body, function, &insn);
		at += (size_t)n;
	}
	/* into the next function by its end: not what compilers do */
	if (at == 0 || at < function->size ||
	    (insn.flow == HI_FLOW_NEXT && !insn.is_nop)) {
		body->opaque = true;
		body->own = unknown;
	}
}

const struct hi_body *hi_bodies_get(struct hi_bodies *bodies, size_t function)
{
	struct hi_body *body = &bodies->bodies[function];

	if (!body->read)
		read_body(bodies, function);
	return body;
}

struct hi_clobbers hi_bodies_get_clobbers(struct hi_bodies *bodies,
					  size_t function)
{
	struct hi_clobbers all = { 0, 0 };
	size_t n = 0;

	memset(bodies->seen, 0, bodies->n);
	bodies->seen[function] = 1;
	bodies->queue[n++] = function;
	for (size_t i = 0; i < n && all.least != HI_CLOBBERS_ALL; i++) {
		const struct hi_body *body =
			hi_bodies_get(bodies, bodies->queue[i]);

		all.least |= body->own.least;
		all.most |= body->own.most;
		for (size_t c = 0; c < body->n_callees; c++) {
			size_t callee = body->callees[c];

			if (!bodies->seen[callee])
				bodies->queue[n++] = callee;
			bodies->seen[callee] = 1;
		}
	}
	return all;
}
