#include "injector/held_locks_parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* --- the loader's ------------------------------------------------------------------ */

struct loader_context {
	struct hi_held_locks *locks;
	bool settled;
};

static void add_loader(void *context, enum hi_held_kind kind, uint64_t remote)
{
	struct loader_context *loader = context;
	struct hi_held_lock *lock =
		kind == HI_HELD_MUTEX ?
			hi_held_add(loader->locks, kind, remote) :
			NULL;

	if (!lock)
		return;
	lock->settled = loader->settled;
	snprintf(lock->what, sizeof(lock->what), "a lock of the loader");
}

static bool is_loader_in(const struct hi_abandoned *call, size_t from,
			 size_t to)
{
	for (size_t i = from; i < to; i++)
		if (hi_held_is_loader(call->maps, call->frames->frames[i].pc))
			return true;
	return false;
}

/*
 * dlopen(3) of the host may have called the worker's constructor: then it has these
 * locks, and as one thread may lock them several times over, they are not touched.
 */
void hi_held_find_loader(const struct hi_abandoned *call,
			 struct hi_held_locks *locks)
{
	struct loader_context context = { locks, false };

	if (!is_loader_in(call, 0, call->n))
		return;
	context.settled = call->frames->whole &&
			  !is_loader_in(call, call->n, call->frames->n);
	for (size_t i = 0; i < call->maps->n_maps; i++) {
		const struct hi_map *map = &call->maps->maps[i];

		if ((map->prot & PROT_WRITE) &&
		    hi_held_is_loader(call->maps, *map->path || i == 0 ?
							  map->start :
							  map->start - 1))
			hi_held_scan_remote(call, map->start, map->end,
					    add_loader, &context);
	}
}

/* --- everything else -------------------------------------------------------------- */

struct look_context {
	const struct hi_abandoned *call;
	struct hi_held_locks *locks;
};

/* Whose bytes REMOTE is among, or NULL. */
static const struct hi_variable *find_variable(const struct hi_worker *worker,
					       uint64_t remote)
{
	for (size_t i = 0; worker && i < worker->n_variables; i++) {
		const struct hi_variable *variable = worker->variables[i];

		if (variable->home_remote && remote >= variable->home_remote &&
		    remote - variable->home_remote < variable->symbol->size)
			return variable;
	}
	return NULL;
}

static const char *get_noun(enum hi_held_kind kind)
{
	return kind == HI_HELD_MUTEX  ? "mutex" :
	       kind == HI_HELD_RWLOCK ? "rwlock" :
					"the lock of a FILE";
}

static void add_found(void *context, enum hi_held_kind kind, uint64_t remote)
{
	const struct look_context *look = context;
	const struct hi_variable *variable =
		find_variable(look->call->worker, remote);
	struct hi_held_lock *lock = hi_held_add(look->locks, kind, remote);
	uint64_t into;

	if (!lock)
		return;
	lock->in_variable = variable != NULL;
	into = variable ? remote - variable->home_remote : 0;
	if (variable && into)
		snprintf(lock->what, sizeof(lock->what), "%s %s+%#lx",
			 get_noun(kind), variable->symbol->name, into);
	else if (variable)
		snprintf(lock->what, sizeof(lock->what), "%s %s",
			 get_noun(kind), variable->symbol->name);
	else
		snprintf(lock->what, sizeof(lock->what), "%s at %#lx",
			 get_noun(kind), remote);
}

static bool is_worker(const struct hi_abandoned *call, const struct hi_map *map)
{
	return call->worker && hi_worker_find_build(call->worker, map->start);
}

/* The program is the first file, and where it is not, is not looked at. */
static bool is_program(const struct hi_maps *maps, const struct hi_map *map)
{
	const struct hi_map *file = map;

	if (!*map->path && map > maps->maps && map[-1].end == map->start)
		file = map - 1;
	return *file->path == '/' && strcmp(file->path, maps->maps->path) == 0;
}

static bool is_hosts(const struct hi_abandoned *call, const struct hi_map *map)
{
	return !is_worker(call, map) && (strcmp(map->path, "[heap]") == 0 ||
					 is_program(call->maps, map) ||
					 hi_held_is_system(call->maps, map));
}

void hi_held_locks_look(const struct hi_abandoned *call, uint64_t limit,
			struct hi_held_locks *ret_locks)
{
	struct look_context context = { call, ret_locks };
	const struct hi_maps *maps = call->maps;

	memset(ret_locks, 0, sizeof(*ret_locks));
	for (size_t i = 0; i < maps->n_maps; i++)
		if ((maps->maps[i].prot & PROT_WRITE) &&
		    is_worker(call, &maps->maps[i]))
			hi_held_scan_remote(call, maps->maps[i].start,
					    maps->maps[i].end, add_found,
					    &context);
	hi_held_scan_remote(call, call->regs->rsp & ~7UL, call->host_sp & ~7UL,
			    add_found, &context);
	for (size_t i = 0; i < maps->n_maps && limit; i++) {
		const struct hi_map *map = &maps->maps[i];
		uint64_t len = map->end - map->start;

		if (!(map->prot & PROT_WRITE) || !is_hosts(call, map))
			continue;
		len = len < limit ? len : limit;
		limit -= len;
		hi_held_scan_remote(call, map->start, map->start + len,
				    add_found, &context);
	}
}
