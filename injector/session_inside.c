/*
 * Which threads of the host are inside which build.
 */
#include "injector/event.h"
#include "injector/freeze.h"
#include "injector/session_parts.h"

#define THREADS_MAX 16

/* The outermost frames in the worker, of as many threads as are told. */
static size_t confirm(const struct hi_looker *looker,
		      const struct hi_freeze *freeze)
{
	size_t n = 0;

	for (size_t i = 0; i < freeze->n_looks; i++)
		if (freeze->looks[i].inside && n++ < THREADS_MAX)
			hi_look_confirm(looker, &freeze->looks[i]);
	return n;
}

static json_t *tell_one(const struct session *session,
			const struct hi_worker *worker,
			const struct hi_look *look)
{
	const struct hi_build *build =
		hi_worker_find_build(worker, look->inside_pc);
	json_t *one = json_object();
	char function[256], where[256];

	hi_unwinder_name(session->unwinder, look->inside_pc, function,
			 sizeof(function));
	hi_unwinder_get_where(session->unwinder, look->inside_pc, where,
			      sizeof(where));
	json_object_set_new(one, "thread", json_integer(look->tid));
	if (build)
		json_object_set_new(one, "build",
				    json_integer((json_int_t)build->number));
	json_object_set_new(one, "function", hi_event_text(function));
	json_object_set_new(one, "where", hi_event_text(where));
	return one;
}

static json_t *tell_all(const struct session *session,
			const struct hi_worker *worker,
			const struct hi_freeze *freeze)
{
	json_t *list = json_array();

	for (size_t i = 0;
	     i < freeze->n_looks && json_array_size(list) < THREADS_MAX; i++)
		if (freeze->looks[i].inside)
			json_array_append_new(list,
					      tell_one(session, worker,
						       &freeze->looks[i]));
	return list;
}

/* Threads that run are stopped for an instant, as by a reload. */
void hi_session_tell_inside(struct session *session,
			    const struct charge *charge, json_t *object)
{
	struct hi_host *host = session->self.host;
	const struct hi_looker looker = { host, charge->worker,
					  &session->stacks, session->unwinder,
					  false };
	struct hi_freeze freeze;
	size_t n;

	if (session->lent || !session->self.entered || !session->placed ||
	    !session->unwinder)
		return;
	/* what it has opened and started meanwhile */
	if (!session->reloading) {
		hi_stacks_stale(&session->stacks);
		hi_unwinder_stale(session->unwinder);
	}
	if (hi_stacks_refresh(&session->stacks, host, NULL) < 0)
		return;
	hi_unwinder_refresh(session->unwinder);
	if (hi_freeze(host, &looker, &freeze, NULL) < 0)
		return;
	n = confirm(&looker, &freeze);
	hi_thaw(host, &freeze);
	json_object_set_new(object, "inside",
			    tell_all(session, charge->worker, &freeze));
	json_object_set_new(object, "n_inside", json_integer((json_int_t)n));
	hi_freeze_done(&freeze);
}
