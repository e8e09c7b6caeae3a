/*
 * How a host is taken up again that hotinject has left, or was killed at.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/apply.h"
#include "injector/private_folder.h"
#include "injector/safe_point.h"
#include "injector/session_parts.h"
#include "injector/takeup.h"

/* Which builds it has, and what leads to them, only the one knew that has left. */
static int fail_known(const struct hi_host *host, struct hi_err *err)
{
	char *HI_FREE why = strdup(err->sentence);

	hi_fail(err, HI_E_HOST,
		"%s (%d) has been under hotinject before, and cannot be taken "
		"up again: %s",
		host->name, host->pid, why ? why : "");
	hi_err_hint(err, "start the host again");
	return HI_E_HOST;
}

/* Whether the host runs a private copy of some build. */
static bool keeps_builds(const struct hi_maps *maps)
{
	for (size_t i = 0; i < maps->n_maps; i++)
		if (hi_private_folder_has(maps->maps[i].path) &&
		    !strstr(maps->maps[i].path, "/" HI_SHIM_FILE))
			return true;
	return false;
}

static struct charge *find_charge(struct session *session, const char *path)
{
	char *HI_FREE real = realpath(path, NULL);

	for (size_t i = 0; i < session->n_charges; i++) {
		struct charge *charge = &session->charges[i];
		char *HI_FREE other = realpath(charge->worker->path, NULL);

		if (strcmp(charge->worker->path, path) == 0 ||
		    (real && other && strcmp(real, other) == 0))
			return charge;
	}
	return NULL;
}

/* One worker; of one that the host has closed meanwhile, nothing is known. */
static int restore_one(struct session *session, struct hi_takeup *takeup,
		       const struct hi_maps *maps, const char *path,
		       struct hi_err *err)
{
	struct charge *charge = find_charge(session, path);
	int code;

	if (!hi_recorded_is_open(&takeup->recorded, path, maps))
		return 0;
	if (!charge) {
		hi_fail(err, HI_E_HOST, "it has other builds of %s as well",
			path);
		return HI_E_HOST;
	}
	code = hi_recorded_restore(&takeup->recorded, path, charge->worker,
				   err);
	if (code == 0)
		code = hi_takeup_check(charge->worker, session->self.host, maps,
				       &takeup->plan, err);
	if (code < 0)
		hi_worker_reset(charge->worker);
	return code == HI_E_CLOSED ? 0 : code;
}

int hi_session_read_record(struct session *session, bool has_shim,
			   struct hi_takeup *takeup, struct hi_err *err)
{
	struct hi_host *host = session->self.host;
	struct hi_maps maps;
	const char *path;
	size_t at = 0;
	int code = hi_maps_read(host->pid, &maps, err);

	if (code < 0)
		return code;
	if (keeps_builds(&maps)) {
		code = has_shim ? hi_recorded_find(host->pid, &maps,
						   &takeup->recorded, err) :
				  hi_fail(err, HI_E_HOST,
					  "it has another " HI_SHIM_FILE);
		while (code == 0 &&
		       (path = hi_recorded_get_worker(&takeup->recorded, &at)))
			code = restore_one(session, takeup, &maps, path, err);
		if (code < 0)
			code = fail_known(host, err);
	}
	hi_maps_done(&maps);
	return code;
}

static int find_used(struct charge *charge, const struct hi_host *host,
		     struct hi_err *err)
{
	struct hi_plan none = HI_PLAN_INIT;
	struct hi_maps maps;
	int code = hi_maps_read(host->pid, &maps, err);

	if (code == 0) {
		code = hi_bind(charge->worker, host, &maps, false, &none,
			       &charge->used, err);
		hi_maps_done(&maps);
	}
	hi_plan_done(&none);
	return code;
}

/* Its builds are recorded by this session from now on. */
static void move_record(struct session *session, const struct hi_takeup *takeup)
{
	int code = 0;
	struct hi_err err;

	hi_record_start(session->record, session->self.host->pid,
			takeup->recorded.serial + 1);
	for (size_t i = 0; i < session->n_charges && code == 0; i++)
		if (session->charges[i].worker->current)
			code = hi_record_add(session->record,
					     session->charges[i].worker, &err);
	for (size_t i = 0; i < session->n_charges && code == 0; i++)
		if (session->charges[i].worker->current)
			code = hi_record_note(session->record,
					      session->self.host->pid,
					      session->charges[i].worker, &err);
	if (code < 0)
		hi_report_error(session->report, &err);
}

static int take_up_one(struct session *session, struct charge *charge,
		       struct hi_err *err)
{
	struct hi_host *host = session->self.host;
	int code = find_used(charge, host, err);

	if (code < 0)
		return code;
	charge->late = true;
	hi_report_taken_up(session->report, host->name, host->pid,
			   charge->worker->name,
			   charge->worker->current->number,
			   charge->worker->n_functions);
	return 0;
}

/* While everything is held. */
static int mend(struct session *session, const struct hi_takeup *takeup,
		struct hi_err *err)
{
	struct hi_host *host = session->self.host;
	struct hi_thread *thread = NULL;
	int code;

	if (takeup->plan.n_writes == 0)
		return 0;
	code = hi_safe_point_hold_any(host, &thread, err);
	if (code < 0)
		return code;
	hi_host_hold_all(host);
	code = hi_apply(host, &takeup->plan, err);
	hi_host_release_all(host, NULL);
	return code;
}

int hi_session_take_up(struct session *session, struct hi_takeup *takeup,
		       struct hi_err *err)
{
	int code;

	if (!takeup->recorded.path)
		return 0;
	code = mend(session, takeup, err);
	if (code == 0)
		code = hi_loader_take_up(&session->loader, err);
	if (code < 0)
		return code;
	session->settled = true;
	session->old_folder =
		strndup(takeup->recorded.path,
			(size_t)(strrchr(takeup->recorded.path, '/') -
				 takeup->recorded.path));
	for (size_t i = 0; i < session->n_charges && code == 0; i++)
		if (session->charges[i].worker->current)
			code = take_up_one(session, &session->charges[i], err);
	if (code < 0)
		return code;
	hi_recorded_tell(&takeup->recorded,
			 hi_report_get_history(session->report));
	move_record(session, takeup);
	return 0;
}

void hi_session_end_takeup(struct hi_takeup *takeup)
{
	hi_recorded_done(&takeup->recorded);
	hi_plan_done(&takeup->plan);
}
