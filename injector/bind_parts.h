/*
 * bind_parts - what binding and unbinding share; nobody else includes it.
 */
#ifndef HI_INJECTOR_BIND_PARTS_H
#define HI_INJECTOR_BIND_PARTS_H

#include "injector/bind.h"
#include "injector/linkmap.h"

/* One object of the host, while it is bound. */
struct hi_bound_object {
	const struct hi_worker *worker;
	const struct hi_host *host;
	struct hi_image *image;
	uint64_t base_remote;
	bool is_worker;
	struct hi_plan *plan;
	struct hi_used *used;
	/* by the worker's functions: an object that ld.so searches before the
	   worker defines the name, too;
	   NULL when unbound slots are left alone */
	bool *elsewhere;
	const struct hi_linkmap *order;
};

/* Whether the word at PLACE_LINK can only be written as code is. */
bool hi_bind_needs_poke(const struct hi_bound_object *object,
			uint64_t place_link);

/* Call VISIT for every object that is mapped, the worker perhaps excepted. */
void hi_bind_visit_objects(struct hi_bound_object *object,
			   const struct hi_maps *maps, bool worker_too,
			   int (*visit)(struct hi_bound_object *,
					struct hi_err *));

#endif
