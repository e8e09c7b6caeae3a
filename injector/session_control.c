/*
 * What is asked of the session from another terminal.
 */
#include <stdio.h>
#include <unistd.h>

#include "common/buf.h"
#include "injector/history.h"
#include "injector/message.h"
#include "injector/phrase.h"
#include "injector/session_parts.h"

void hi_session_open_control(struct session *session)
{
	struct hi_err err = { 0 };

	if (hi_control_new(session->self.host->pid, &session->control, &err) <
	    0)
		hi_report_note(session->report,
			       "%s; commands from other terminals will not "
			       "find the host",
			       err.sentence);
}

static json_t *refuse(struct session *session, const char *what)
{
	struct hi_err err = { 0 };

	hi_fail(&err, HI_E_BUSY, "%s (%d) %s", session->self.host->name,
		session->self.host->pid, what);
	return hi_answer_error(&err);
}

/* --- reload --- */

/* "libworker.so back at #2: ..." */
static void add_back(struct hi_buf *text, const json_t *entry, bool refused)
{
	hi_buf_printf(text, "%s back %s #%d%s: %s",
		      json_string_value(json_object_get(entry, "worker")),
		      refused ? "to" : "at",
		      (int)json_integer_value(json_object_get(entry, "build")),
		      refused ? " refused" : "",
		      json_string_value(json_object_get(entry, "text")));
}

bool hi_session_add_verdict(struct hi_buf *text, const json_t *entry)
{
	const char *event = json_string_value(json_object_get(entry, "event"));
	const char *said = json_string_value(json_object_get(entry, "text"));
	bool refused = !strcmp(event, "refused");

	if (!strcmp(event, "ignored")) {
		hi_buf_text(text, said);
		return true;
	}
	if (!strcmp(event, "rollback") ||
	    json_is_true(json_object_get(entry, "rollback"))) {
		add_back(text, entry, refused);
		return refused;
	}
	hi_buf_printf(text, "%s #%d %s%s%s",
		      json_string_value(json_object_get(entry, "worker")),
		      (int)json_integer_value(json_object_get(entry, "build")),
		      !strcmp(event, "judged") ? "would be live" :
		      !strcmp(event, "ready")  ? "is in the table" :
						 event,
		      *said ? ": " : "", said);
	return refused;
}

/* True when what is in the file is not what the host has, and will not be. */
static bool reload_one(struct session *session, struct charge *charge,
		       struct hi_buf *text, const char **ret_hint)
{
	struct hi_history *history = hi_report_get_history(session->report);
	const char *name = charge->worker->name;
	size_t n_before = history->n_added;
	const json_t *entry;
	struct hi_reload one;

	if (charge->worker->current) {
		one = hi_session_make_reload(session, charge, hi_clock_ns());
		one.asked = true;
		hi_session_run_reload(session, charge, &one);
	} else {
		hi_session_look_for(session, charge, NULL, false);
	}
	entry = hi_history_find_verdict(history, n_before, name, false);
	if (entry) {
		*ret_hint = json_string_value(json_object_get(entry, "hint"));
		return hi_session_add_verdict(text, entry);
	}
	if (charge->worker->current)
		hi_buf_printf(text, "%s has not changed: build #%u runs on",
			      name, charge->worker->current->number);
	else
		hi_buf_printf(text, "%s is not open yet", name);
	return false;
}

static json_t *reload_all(struct session *session)
{
	struct hi_buf text = HI_BUF_INIT;
	const char *hint = NULL;
	bool refused = false;
	json_t *answer;

	for (size_t i = 0; i < session->n_charges && !session->self.host->ended;
	     i++) {
		hi_buf_text(&text, i ? "; " : "");
		refused |=
			reload_one(session, &session->charges[i], &text, &hint);
	}
	answer = hi_answer_text(hi_buf_str(&text));
	if (session->self.host->ended || session->leaving) {
		json_decref(answer);
		answer = refuse(session, session->self.host->ended ?
						 "has ended" :
						 "is let go of");
	} else if (refused) {
		json_object_set(answer, "error",
				json_object_get(answer, "text"));
		if (hint)
			json_object_set_new(answer, "hint", json_string(hint));
	}
	hi_buf_done(&text);
	return answer;
}

/* --- detach --- */

/* At a breakpoint of ours it would die of it. */
bool hi_session_may_leave(const struct session *session)
{
	const struct hi_relative *relative = session->follow.relatives;

	for (; relative; relative = relative->next)
		if (relative->is.entry.armed)
			return false;
	return !session->self.entry.armed;
}

/* Whether a shell takes the terminal back when we end. */
static bool has_terminal(const struct session *session)
{
	return !session->options->pid && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void hi_session_answer_leavers(struct session *session)
{
	const struct hi_host *host = session->self.host;
	struct hi_buf text = HI_BUF_INIT;

	/* who is answered finds things as they are said to be */
	hi_control_hide(session->control);
	hi_buf_printf(&text, "%s (%d) runs on with the build that it has",
		      host->name, host->pid);
	if (has_terminal(session))
		hi_buf_text(&text, ", in the background of its terminal, from "
				   "which it can no longer read");
	for (int i = 0; i < HI_CONTROL_CLIENTS; i++)
		if (session->leavers & 1U << i)
			hi_control_answer(
				session->control, i,
				session->leaving ?
					hi_answer_text(hi_buf_str(&text)) :
					refuse(session, "has ended"));
	hi_buf_done(&text);
}

/* --- kick --- */

static json_t *kick(struct session *session, pid_t tid)
{
	const struct hi_host *host = session->self.host;
	struct hi_buf text = HI_BUF_INIT;
	struct hi_err err = { 0 };
	json_t *answer;
	int n = hi_session_kick(session, tid, false, &err);

	if (n < 0)
		return hi_answer_error(&err);
	if (n == 0 && tid) {
		hi_fail(&err, HI_E_USAGE,
			"%s (%d) has no thread %d that is inside a worker",
			host->name, host->pid, (int)tid);
		return hi_answer_error(&err);
	}
	if (n == 0)
		hi_buf_printf(&text, "no thread of %s (%d) is inside a worker",
			      host->name, host->pid);
	else
		hi_phrase_count(&text, (size_t)n, "thread");
	if (n > 0)
		hi_buf_text(&text,
			    n > 1 ? " were taken out" : " was taken out");
	if (n > 0 && err.sentence[0])
		hi_buf_printf(&text, "; %s", err.sentence);
	answer = hi_answer_text(hi_buf_str(&text));
	hi_buf_done(&text);
	return answer;
}

/* --- all of them --- */

/* What stands in the way of a command that needs the host itself, or NULL. */
static const char *find_hindrance(const struct session *session)
{
	if (session->lent)
		return "is in gdb";
	if (session->reloading)
		return "is being reloaded";
	if (!session->self.entered || !hi_session_may_leave(session))
		return "is only starting";
	return NULL;
}

static void answer(struct session *session,
		   const struct hi_control_request *request)
{
	const char *hindrance = find_hindrance(session);
	json_t *answer;

	switch (request->is.command->id) {
	case HI_COMMAND_STATUS:
		answer = hi_session_tell_status(session);
		break;
	case HI_COMMAND_HISTORY:
		answer = hi_session_tell_history(session);
		break;
	case HI_COMMAND_DETACH: /* at once, or as soon as it can be */
		if (!session->lent) {
			session->leaving = true;
			session->leavers |= 1U << request->client;
			return;
		}
		answer = refuse(session, hindrance);
		break;
	case HI_COMMAND_GDB:
		if (!hindrance) {
			hi_session_lend(session, request->client);
			return;
		}
		answer = refuse(session, hindrance);
		break;
	case HI_COMMAND_KICK: /* also while a build waits for that thread */
		answer = hindrance && !session->reloading ?
				 refuse(session, hindrance) :
				 kick(session, request->is.thread);
		break;
	case HI_COMMAND_ROLLBACK:
		answer = hindrance ? refuse(session, hindrance) :
				     hi_session_answer_rollback(session,
								&request->is);
		break;
	default: /* message.c lets no other pass */
		answer = hindrance ? refuse(session, hindrance) :
				     reload_all(session);
		break;
	}
	if (session->heir) /* the other process answers */
		json_decref(answer);
	else
		hi_control_answer(session->control, request->client, answer);
}

void hi_session_on_control(struct session *session)
{
	struct hi_control_request request;

	/* in the process that looks after a fork, the next are not ours */
	while (!session->heir && hi_control_next(session->control, &request))
		answer(session, &request);
}

bool hi_session_attend_to(void *context)
{
	struct session *session = context;

	if (session->heir) /* the clients are the first process's */
		return true;
	hi_session_on_signals(session);
	hi_session_on_control(session);
	hi_session_end_hang(session, false);
	hi_session_settle_crashes(session);
	return session->leaving;
}
