/*
 * How the shim comes into a process that runs without it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "injector/adopt.h"
#include "injector/alike.h"
#include "injector/clock.h"
#include "injector/foothold.h"
#include "injector/phrase.h"
#include "injector/safe_point.h"
#include "injector/session_parts.h"

/* The pages and the stack by which the shim was brought in. */
static void take_back(struct session *session, struct hi_thread *thread,
		      const struct hi_foothold *foothold)
{
	uint64_t arguments[6] = { foothold->start_remote, foothold->len };
	int64_t no_matter;

	if (foothold->start_remote)
		(void)!hi_remote_syscall(session->self.host, thread,
					 &session->place, SYS_munmap, arguments,
					 &no_matter, NULL);
}

static bool has_shim(struct session *session)
{
	struct hi_maps maps;
	const struct hi_map *found = NULL;
	char *path = NULL;

	if (hi_maps_read(session->self.host->pid, &maps, NULL) < 0)
		return false;
	for (size_t i = 0; i < maps.n_maps && !found; i++)
		if (!strcmp(hi_phrase_base_name(maps.maps[i].path),
			    HI_SHIM_FILE))
			found = &maps.maps[i];
	/* that of another installation serves as well, if it is of the version */
	if (found && !found->deleted && access(found->path, R_OK) == 0)
		path = strdup(found->path);
	if (path) {
		free(session->shim_path);
		session->shim_path = path;
	}
	hi_maps_done(&maps);
	return found;
}

/* The shim is there: brought in, or from an earlier time. */
static int place(struct session *session, const struct hi_foothold *foothold,
		 struct hi_err *err)
{
	struct hi_thread *thread = NULL;
	int code = hi_safe_point_hold_any(session->self.host, &thread, err);

	if (code < 0)
		return code;
	code = hi_session_place(session, thread, err);
	if (code == 0)
		take_back(session, thread, foothold);
	hi_host_release(session->self.host, thread);
	return code;
}

/* The host may have the worker under another name. */
static void look_for_alike(struct session *session, struct charge *charge)
{
	struct hi_host *host = session->self.host;
	struct hi_worker *worker = charge->worker;
	const struct hi_map *map;
	struct hi_maps maps;

	if (hi_maps_read(host->pid, &maps, NULL) < 0)
		return;
	map = hi_adopt_find(&maps, worker) ?
		      NULL :
		      hi_alike_find(host->pid, &maps, worker->path);
	if (map) {
		worker->other_dev = map->dev;
		worker->other_ino = map->inode;
		hi_report_note(session->report, "%s (%d) has %s as %s%s",
			       host->name, host->pid, worker->name, map->path,
			       map->deleted ? ", which is deleted" : "");
	}
	hi_maps_done(&maps);
}

/* Those that are not taken up are looked for, what is newer goes live. */
static void begin(struct session *session)
{
	for (size_t i = 0; i < session->n_charges; i++) {
		struct charge *charge = &session->charges[i];

		if (charge->worker->current) {
			hi_session_reload(session, charge, hi_clock_ns());
			continue;
		}
		look_for_alike(session, charge);
		charge->look_at_ns = hi_clock_ns();
		charge->look_until_ns = charge->look_at_ns + HI_SESSION_LOOK_NS;
		hi_session_look_for(session, charge, NULL, true);
	}
}

int hi_session_enter(struct session *session, struct hi_err *err)
{
	struct hi_host *host = session->self.host;
	struct hi_foothold foothold = { 0, 0 };
	struct hi_takeup takeup = { { NULL, NULL, 0 }, HI_PLAN_INIT };
	int code = hi_unwinder_new(host, &session->unwinder, err);
	bool known = has_shim(session);

	if (code == 0)
		code = hi_session_read_record(session, known, &takeup, err);
	if (code == 0 && !known)
		code = hi_foothold_load(host, session->unwinder,
					session->shim_path, &foothold, err);
	hi_unwinder_stale(session->unwinder);
	if (code == 0)
		code = place(session, &foothold, err);
	if (code == 0)
		code = hi_session_take_up(session, &takeup, err);
	hi_session_end_takeup(&takeup);
	if (code < 0)
		return code;
	session->self.entered = true;
	begin(session);
	return 0;
}
