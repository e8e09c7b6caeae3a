/*
 * How the shim comes into a process that runs without it.
 */
#include <string.h>
#include <sys/syscall.h>

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

static bool has_shim(const struct session *session)
{
	struct hi_maps maps;
	bool found = false;

	if (hi_maps_read(session->self.host->pid, &maps, NULL) < 0)
		return false;
	for (size_t i = 0; i < maps.n_maps; i++)
		found |= !strcmp(hi_phrase_base_name(maps.maps[i].path),
				 HI_SHIM_FILE);
	hi_maps_done(&maps);
	return found;
}

/* Which builds it has, and what leads to them, only the one knew that has left. */
static int fail_known(const struct hi_host *host, struct hi_err *err)
{
	hi_fail(err, HI_E_HOST,
		"%s (%d) has been under hotinject before, and cannot be taken "
		"up again",
		host->name, host->pid);
	hi_err_hint(err, "start the host again");
	return HI_E_HOST;
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

int hi_session_enter(struct session *session, struct hi_err *err)
{
	struct hi_host *host = session->self.host;
	struct hi_foothold foothold = { 0, 0 };
	struct hi_thread *thread = NULL;
	int code = hi_unwinder_new(host, &session->unwinder, err);

	if (code == 0 && has_shim(session))
		code = fail_known(host, err);
	if (code == 0)
		code = hi_foothold_load(host, session->unwinder,
					session->shim_path, &foothold, err);
	hi_unwinder_stale(session->unwinder);
	if (code == 0)
		code = hi_safe_point_hold_any(host, &thread, err);
	if (code < 0)
		return code;
	code = hi_session_place(session, thread, err);
	if (code == 0)
		take_back(session, thread, &foothold);
	hi_host_release(host, thread);
	if (code < 0)
		return code;
	session->self.entered = true;
	for (size_t i = 0; i < session->n_charges; i++) {
		struct charge *charge = &session->charges[i];

		look_for_alike(session, charge);
		charge->look_at_ns = hi_clock_ns();
		charge->look_until_ns = charge->look_at_ns + HI_SESSION_LOOK_NS;
		hi_session_look_for(session, charge, NULL, true);
	}
	return 0;
}
