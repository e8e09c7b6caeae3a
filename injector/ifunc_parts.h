/*
 * ifunc_parts - what the files of the ifunc module share; nobody else includes it.
 */
#ifndef HI_INJECTOR_IFUNC_PARTS_H
#define HI_INJECTOR_IFUNC_PARTS_H

#include "injector/ifunc.h"

/* The resolvers of one build, by address, each once. */
struct hi_resolvers {
	const struct hi_build *build;
	uint64_t *link;
	uint64_t *picks; /* host addresses */
	size_t n;
};

bool hi_ifunc_is(const struct hi_symbol *symbol);

/* What the resolver at an address of the build has picked; 0: nothing. */
uint64_t hi_resolvers_find(const struct hi_resolvers *resolvers,
			   uint64_t resolver_link);

/*
 * Set next_symbol of the functions that stand for the IFUNC symbols of any build, and
 * the leading functions of BUILD's. HI_E_LOAD when the host's calls could not all
 * be led to the right place.
 */
int hi_ifunc_follow(const struct hi_worker *worker, struct hi_build *build,
		    const struct hi_resolvers *resolvers,
		    struct hi_err *err) HI_MUST_USE;

#endif
