#include "injector/session_parts.h"

#include <string.h>
#include <sys/mman.h>

#include "injector/adopt.h"
#include "injector/answers.h"
#include "injector/apply.h"
#include "injector/clock.h"
#include "injector/history.h"
#include "injector/needed.h"
#include "injector/priority.h"
#include "injector/reserve.h"
#include "injector/safe_point.h"
#include "injector/sandbox.h"

#define SAFE_POINT_NS (5 * HI_NS_PER_MS)

void hi_session_note(struct session *session, const struct charge *charge)
{
	struct hi_err err = { 0 };

	if (charge->worker->current &&
	    hi_record_note(session->record, session->self.host->pid,
			   charge->worker, &err) < 0)
		hi_report_error(session->report, &err);
}

static int adopt(struct session *session, struct charge *charge,
		 struct hi_thread *thread, const struct hi_maps *maps,
		 struct hi_err *err)
{
	struct hi_plan plan = HI_PLAN_INIT;
	struct hi_used used = { NULL, 0, NULL };
	/* once it is adopted, another file is mapped */
	bool needed = charge->late &&
		      hi_needed_at_start(session->self.host, maps,
					 hi_adopt_find(maps, charge->worker));
	int code = hi_adopt(charge->worker, session->snapshots,
			    session->self.host, thread, &session->place, maps,
			    err);

	if (code == 0)
		code = hi_bind(charge->worker, session->self.host, maps,
			       !charge->late || needed, &plan, &used, err);
	if (code == 0)
		code = hi_answers_publish(charge->worker, session->self.host,
					  thread, &session->place, err);
	if (code == 0)
		code = hi_apply(session->self.host, &plan, err);
	hi_plan_done(&plan);
	if (code < 0) {
		hi_used_done(&used);
		hi_worker_reset(charge->worker);
		return code;
	}
	hi_used_done(&charge->used);
	charge->used = used;
	hi_unwinder_stale(session->unwinder);
	hi_session_note(session, charge);
	hi_history_set_image(hi_report_get_history(session->report),
			     charge->worker->current->image,
			     charge->worker->current->path);
	hi_report_ready(session->report, session->self.host->name,
			session->self.host->pid, charge->worker->name,
			charge->worker->n_functions);
	return 0;
}

void hi_session_forget(struct session *session)
{
	for (size_t i = 0; i < session->n_charges; i++)
		hi_worker_reset(session->charges[i].worker);
	session->n_crashes = 0;
	session->placed = false;
	session->settled = false;
	hi_unwinder_free(session->unwinder);
	session->unwinder = NULL;
	hi_stacks_stale(&session->stacks);
}

int hi_session_place(struct session *session, struct hi_thread *thread,
		     struct hi_err *err)
{
	struct hi_host *host = session->self.host;
	struct hi_maps maps;
	int code = hi_maps_read(host->pid, &maps, err);

	if (code < 0)
		return code;
	if (hi_sandbox_has(host->pid, thread->tid))
		code = hi_sandbox_fail(host->pid, host->name, err);
	if (code == 0)
		code = hi_shim_place_find(host, thread, &maps,
					  session->shim_path, &session->place,
					  err);
	hi_maps_done(&maps);
	if (code == 0 && !session->unwinder)
		code = hi_unwinder_new(host, &session->unwinder, err);
	if (code < 0)
		return code;
	session->placed = true;
	memset(&session->loader, 0, sizeof(session->loader));
	session->loader.host = host;
	session->loader.unwinder = session->unwinder;
	session->loader.place = &session->place;
	return 0;
}

/* Hold a thread where it may be made to call something. */
static int hold_one(struct session *session, struct hi_thread **ret_thread,
		    struct hi_err *err)
{
	int code = 0;

	if (!session->unwinder)
		code = hi_unwinder_new(session->self.host, &session->unwinder,
				       err);
	/* not in the middle of the dlopen() that maps it */
	if (code == 0) {
		hi_unwinder_stale(session->unwinder);
		code = hi_safe_point_hold(session->self.host, session->unwinder,
					  SAFE_POINT_NS, ret_thread, err);
	}
	return code;
}

bool hi_session_has_worker(const struct hi_host *host,
			   const struct charge *charge)
{
	struct hi_maps maps;
	const struct hi_map *map;
	bool found = false;

	if (hi_maps_read(host->pid, &maps, NULL) < 0)
		return false;
	map = hi_adopt_find(&maps, charge->worker);
	for (size_t i = 0; map && i < maps.n_maps; i++)
		found |= maps.maps[i].inode == map->inode &&
			 maps.maps[i].dev == map->dev &&
			 (maps.maps[i].prot & PROT_EXEC);
	hi_maps_done(&maps);
	return found;
}

/* What takes long is done while the host goes on. */
static int prepare(struct session *session, struct charge *charge,
		   struct hi_err *err)
{
	struct hi_maps maps;
	int code =
		hi_reserve_check(session->self.host, charge->worker->path, err);

	if (code == 0)
		code = hi_maps_read(session->self.host->pid, &maps, err);
	if (code < 0)
		return code;
	code = hi_adopt_prepare(charge->worker, session->snapshots,
				session->self.host, &maps, err);
	hi_maps_done(&maps);
	return code;
}

void hi_session_note_file(struct charge *charge)
{
	if (stat(charge->worker->path, &charge->seen) < 0)
		memset(&charge->seen, 0, sizeof(charge->seen));
}

/* A server may have forked before anybody could look. */
static void note_elder(struct session *session, const struct charge *charge)
{
	struct hi_relative *relative = session->follow.relatives;

	for (; relative; relative = relative->next)
		if (relative->unwanted && !relative->is.host->ended &&
		    relative->is.entered &&
		    session->n_elder < HI_SESSION_ELDER_MAX &&
		    hi_session_has_worker(relative->is.host, charge))
			session->elder[session->n_elder++] =
				relative->is.host->pid;
}

static int take_worker(struct session *session, struct charge *charge,
		       struct hi_thread *held, struct hi_err *err)
{
	struct hi_thread *thread = held;
	struct hi_maps maps;
	bool raised;
	int code = 0;

	charge->late = !held;
	if (!thread)
		code = prepare(session, charge, err);
	if (code == 0 && !thread)
		code = hold_one(session, &thread, err);
	if (code < 0 || !thread)
		return code;
	raised = !held && hi_priority_raise(HI_PRIORITY_SELF);
	hi_host_hold_all(session->self.host);
	if (!session->settled) {
		hi_follow_settle(&session->follow, session->self.host);
		note_elder(session, charge);
	}
	session->settled = true;
	if (!session->placed)
		code = hi_session_place(session, thread, err);
	if (code == 0)
		code = hi_maps_read(session->self.host->pid, &maps, err);
	if (code == 0) {
		hi_session_note_file(charge);
		code = adopt(session, charge, thread, &maps, err);
		session->brood.epoch++;
		session->n_areas = hi_session_count_areas(session);
		hi_maps_done(&maps);
	}
	hi_host_release_all(session->self.host, held);
	if (raised)
		hi_priority_lower(HI_PRIORITY_SELF);
	return code;
}

void hi_session_look_for(struct session *session, struct charge *charge,
			 struct hi_thread *held, bool say_absent)
{
	struct hi_err err = { 0 };
	uint64_t no_matter = 0;
	int code;

	if (!session->self.entered)
		return;
	if (!hi_session_has_worker(session->self.host, charge)) {
		if (say_absent)
			hi_report_absent(session->report,
					 session->self.host->name,
					 session->self.host->pid,
					 charge->worker->name);
		else
			hi_session_look_around(session, charge);
		return;
	}
	code = take_worker(session, charge, held, &err);
	/* what took its place is a newer build */
	if (code == 0 && !held && charge->worker->replaced)
		hi_session_reload(session, charge, hi_clock_ns());
	/* looked for again soon; one that ends meanwhile fails in many ways */
	if (code == HI_E_BUSY || code == HI_E_GONE ||
	    (code < 0 && !hi_session_has_worker(session->self.host, charge)))
		return;
	charge->look_until_ns = 0;
	/* our own look has opened the file, too: that is no news */
	if (code < 0)
		(void)!hi_watch_read(charge->watch, &no_matter, NULL);
	/* each opening of the file is another try; one sentence will do */
	if (code < 0 && strcmp(charge->said, err.sentence) != 0) {
		hi_report_error(session->report, &err);
		memcpy(charge->said, err.sentence, sizeof(charge->said));
	}
}
