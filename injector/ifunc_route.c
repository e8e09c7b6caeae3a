/*
 * Where the leading functions lead in a new build: to what its resolvers have picked, or
 * to a function that has no resolver any more.
 */
#include <stdlib.h>

#include "injector/ifunc_parts.h"

/* A leading function, and what it is to lead to. */
struct route {
	struct hi_function *lead;
	const struct hi_symbol *ifunc;
	const struct hi_symbol *target;
	const struct hi_symbol *rival; /* another IFUNC that picked otherwise */
};

struct routes {
	struct route *list;
	size_t n;
	bool failed; /* for lack of memory */
};

/* A function of the table at a host address of BUILD. */
static const struct hi_symbol *find_target(const struct hi_build *build,
					   uint64_t pick_remote)
{
	uint64_t link = pick_remote - build->base_remote;
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n);

	if (!hi_build_covers_text(build, pick_remote))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (symbols[i].addr_link == link && build->functions[i] &&
		    !hi_ifunc_is(&symbols[i]))
			return &symbols[i];
	return NULL;
}

static void add_route(struct routes *routes, struct hi_function *lead,
		      const struct hi_symbol *ifunc,
		      const struct hi_symbol *target)
{
	struct route *grown;

	for (size_t i = 0; i < routes->n; i++) {
		struct route *route = &routes->list[i];

		if (route->lead != lead)
			continue;
		if (route->target != target)
			route->rival = ifunc;
		return;
	}
	grown = reallocarray(routes->list, routes->n + 1, sizeof(*grown));
	if (!grown) {
		routes->failed = true;
		return;
	}
	routes->list = grown;
	grown[routes->n++] = (struct route){ lead, ifunc, target, NULL };
}

/*
 * All functions that have ever stood for SYMBOL of BUILD lead to TARGET. The result is
 * the first of them, whose address is SYMBOL's for good.
 */
static struct hi_function *route_all(struct routes *routes,
				     const struct hi_worker *worker,
				     const struct hi_build *build,
				     const struct hi_symbol *symbol,
				     const struct hi_symbol *target)
{
	struct hi_function *first = NULL;

	for (size_t i = 0; i < worker->n_active; i++) {
		const struct hi_build *old = worker->active[i];
		bool ambiguous = false;
		const struct hi_symbol *same = hi_symtab_find_same(
			old->symtab, build->symtab, symbol, &ambiguous);
		struct hi_function *lead =
			same ? old->functions[hi_build_function_index(old,
								      same)] :
			       NULL;

		if (!lead)
			continue;
		add_route(routes, lead, symbol, target);
		first = first ? first : lead;
	}
	return first;
}

/* IFUNC functions of the new build; they get their leading function here. */
static void route_new(struct routes *routes, const struct hi_worker *worker,
		      struct hi_build *build,
		      const struct hi_resolvers *resolvers)
{
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(build->symtab, &n);

	for (size_t i = 0; i < n; i++) {
		const struct hi_symbol *target;
		struct hi_function *lead;

		if (!hi_ifunc_is(&symbols[i]))
			continue;
		target = find_target(build,
				     hi_resolvers_find(resolvers,
						       symbols[i].addr_link));
		lead = route_all(routes, worker, build, &symbols[i], target);
		if (!lead && target)
			lead = build->functions[hi_build_function_index(
				build, target)];
		build->functions[i] = lead;
	}
}

/* Functions that were IFUNC in an older build and are ordinary ones now: they keep
   the address that they had. */
static void route_old(struct routes *routes, const struct hi_build *old,
		      struct hi_build *build)
{
	size_t n;
	const struct hi_symbol *symbols =
		hi_symtab_get_functions(old->symtab, &n);

	for (size_t i = 0; i < n; i++) {
		bool ambiguous = false;
		const struct hi_symbol *same;

		if (!hi_ifunc_is(&symbols[i]) || !old->functions[i])
			continue;
		same = hi_symtab_find_same(build->symtab, old->symtab,
					   &symbols[i], &ambiguous);
		if (!same || hi_ifunc_is(same))
			continue;
		add_route(routes, old->functions[i], same, same);
		build->functions[hi_build_function_index(build, same)] =
			old->functions[i];
	}
}

/*
 * FUNCTION is to lead to TARGET, whatever its name says. What has the name in the new
 * build is its own affair then: a pick that calls it must not come back to itself.
 */
static void lead_to(struct hi_build *build, struct hi_function *function,
		    const struct hi_symbol *target)
{
	struct hi_function **named;

	if (function->next_symbol && function->next_symbol != target) {
		named = &build->functions[hi_build_function_index(
			build, function->next_symbol)];
		if (*named == function)
			*named = NULL;
	}
	function->next_symbol = target;
}

static int fail_route(const struct route *route, struct hi_err *err)
{
	int code;

	if (!route->rival)
		return hi_fail(err, HI_E_LOAD,
			       "the resolver of %s() picks no function of the "
			       "build, and %s(), where it led, is gone",
			       route->ifunc->name, route->lead->symbol->name);
	code = hi_fail(err, HI_E_LOAD,
		       "%s() and %s() had one implementation, %s(), and have "
		       "different ones now; the host's calls cannot be told "
		       "apart",
		       route->ifunc->name, route->rival->name,
		       route->lead->symbol->name);
	hi_err_hint(err, "restart the host");
	return code;
}

/* With all names of the leading function: they share one entry. */
static int take_route(const struct route *route, const struct hi_worker *worker,
		      struct hi_build *build, struct hi_err *err)
{
	if (route->rival || (!route->target && !route->lead->next_symbol))
		return fail_route(route, err);
	for (size_t i = 0; i < worker->n_functions && route->target; i++) {
		struct hi_function *function = worker->functions[i];

		if (function->home == route->lead->home &&
		    function->home_remote == route->lead->home_remote)
			lead_to(build, function, route->target);
	}
	return 0;
}

int hi_ifunc_follow(const struct hi_worker *worker, struct hi_build *build,
		    const struct hi_resolvers *resolvers, struct hi_err *err)
{
	struct routes routes = { NULL, 0, false };
	int code = 0;

	route_new(&routes, worker, build, resolvers);
	route_old(&routes, worker->builds[0], build);
	route_old(&routes, worker->current, build);
	if (routes.failed)
		code = hi_fail(err, HI_E_NOMEM, "no memory for resolvers");
	for (size_t i = 0; i < routes.n && code == 0; i++)
		code = take_route(&routes.list[i], worker, build, err);
	free(routes.list);
	return code;
}
