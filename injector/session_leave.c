/*
 * How a host that runs on is left.
 */
#include <stdio.h>
#include <sys/syscall.h>

#include "injector/attach.h"
#include "injector/clock.h"
#include "injector/hold.h"
#include "injector/leave.h"
#include "injector/private_folder.h"
#include "injector/safe_point.h"
#include "injector/session_parts.h"

#define TRIES_MAX  20
#define TRY_NAP_US 2000

/* As it was before; HI_E_BUSY: to be tried again. */
static int undo_one(struct session *session, struct hi_thread *thread,
		    struct charge *charge, struct hi_err *err)
{
	struct hi_maps maps;
	int code = hi_maps_read(session->self.host->pid, &maps, err);

	if (code < 0)
		return code;
	code = hi_leave(charge->worker, session->self.host, thread,
			&session->place, &maps, err);
	hi_maps_done(&maps);
	if (code == 0)
		hi_worker_reset(charge->worker);
	return code;
}

/* The stack of the remote calls, by a call on the shim's own. */
static void unmap_stack(struct session *session, struct hi_thread *thread)
{
	uint64_t arguments[6] = { session->place.stack_remote -
					  HI_SHIM_PLACE_STACK_LEN,
				  HI_SHIM_PLACE_STACK_LEN };
	struct hi_shim_place place = session->place;
	int64_t no_matter;

	place.stack_remote = place.shim.first_stack_remote;
	(void)!hi_remote_syscall(session->self.host, thread, &place, SYS_munmap,
				 arguments, &no_matter, NULL);
}

static bool has_newer(const struct charge *charge)
{
	return charge->worker->n_builds > 1;
}

/* With everything held: whether nothing of any worker is left. */
static int undo_all(struct session *session, bool last, struct hi_err *err)
{
	struct hi_host *host = session->self.host;
	struct hi_thread *thread = NULL;
	int failed = 0, code;

	hi_host_pump(host);
	if (host->ended)
		return hi_fail(err, HI_E_GONE, "%s has ended", host->name);
	code = hi_safe_point_hold_any(host, &thread, err);
	if (code < 0)
		return code;
	hi_host_hold_all(host);
	for (size_t i = 0; i < session->n_charges; i++) {
		struct charge *charge = &session->charges[i];

		if (charge->worker->current)
			hi_hold_lift(charge->worker, host, !has_newer(charge));
		if (!charge->worker->current || has_newer(charge))
			continue;
		code = undo_one(session, thread, charge, err);
		failed = code < 0 ? code : failed;
	}
	if (failed != HI_E_BUSY || last)
		unmap_stack(session, thread);
	hi_host_release_all(host, NULL);
	return failed;
}

/* What cannot be taken back, the host needs the files of. */
static bool stays(const struct session *session)
{
	for (size_t i = 0; i < session->n_charges; i++)
		if (session->charges[i].worker->current)
			return true;
	return false;
}

/* Some may be as they were before, so the record is written anew. */
static void keep(struct session *session)
{
	const struct hi_host *host = session->self.host;
	struct hi_err err = { 0 };
	int code = 0;

	hi_snapshots_keep(session->snapshots);
	for (size_t i = 0; i < session->n_charges && code == 0; i++)
		if (session->charges[i].worker->current)
			code = hi_record_note(session->record, host->pid,
					      session->charges[i].worker, &err);
	if (code < 0)
		hi_report_error(session->report, &err);
}

void hi_session_leave(struct session *session)
{
	struct hi_host *host = session->self.host;
	struct hi_err err = { 0 };
	int code = HI_E_BUSY;

	for (int i = 0; session->placed && code == HI_E_BUSY && i < TRIES_MAX;
	     i++) {
		if (i > 0)
			hi_clock_nap_us(TRY_NAP_US);
		code = undo_all(session, i == TRIES_MAX - 1, &err);
	}
	if (session->placed && code < 0 && code != HI_E_GONE)
		hi_report_note(session->report,
			       "%s (%d) keeps what hotinject has put into it: "
			       "%s",
			       host->name, host->pid, err.sentence);
	if (stays(session))
		keep(session);
	else
		hi_record_remove(session->record);
	hi_attach_end(host);
	if (session->old_folder)
		hi_private_folder_sweep(session->old_folder);
	hi_report_detached(session->report, host->name, host->pid,
			   stays(session));
}
