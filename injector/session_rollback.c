/*
 * A build that was live before, live again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "injector/clock.h"
#include "injector/event.h"
#include "injector/history.h"
#include "injector/phrase.h"
#include "injector/session_parts.h"

#define NUMBERS_MAX 16 /* in a hint */

/* The newest of its copies, which has lost the least (retire.h). */
static const struct hi_build *find_build(const struct hi_worker *worker,
					 unsigned int number)
{
	for (size_t i = worker->n_builds; i-- > 0;)
		if (worker->builds[i]->number == number)
			return worker->builds[i];
	return NULL;
}

static bool is_at(const struct hi_worker *worker, unsigned int number)
{
	return worker->current && worker->current->number == number;
}

bool hi_session_roll_back(struct session *session, struct charge *charge,
			  unsigned int number)
{
	struct hi_reload one;

	if (is_at(charge->worker, number))
		return true;
	one = hi_session_make_reload(session, charge, hi_clock_ns());
	one.back = find_build(charge->worker, number);
	if (!one.back || !charge->worker->current)
		return false;
	charge->going_back = number;
	hi_session_run_reload(session, charge, &one);
	/* what was forked meanwhile goes on with it (session_forks.c) */
	if (!session->heir)
		charge->going_back = 0;
	return is_at(charge->worker, number);
}

/* --- the command -------------------------------------------------------------- */

static bool is_meant(const struct charge *charge,
		     const struct hi_request *request)
{
	return !request->worker[0] ||
	       strcmp(charge->worker->name, request->worker) == 0;
}

static void write_content(char text[HI_CONTENT_TEXT],
			  const struct hi_content *content)
{
	snprintf(text, HI_CONTENT_TEXT, "%" PRIx64 "-%016" PRIx64 "%016" PRIx64,
		 content->len, content->hash_high, content->hash_low);
}

/* The newest number of those that were the same file; 0: there is none. */
static unsigned int find_content(const struct hi_worker *worker,
				 const char *wanted)
{
	char text[HI_CONTENT_TEXT];

	for (size_t i = worker->n_builds; i-- > 0;) {
		write_content(text, &worker->builds[i]->content);
		if (strcmp(text, wanted) == 0)
			return worker->builds[i]->number;
	}
	return 0;
}

/* The number of the build that is asked for; 0: there is none. */
static unsigned int find_target(const struct charge *charge,
				const struct hi_request *request)
{
	const struct hi_worker *worker = charge->worker;

	if (!worker->current)
		return 0;
	if (request->content[0])
		return find_content(worker, request->content);
	if (!request->build)
		return worker->current->before;
	return find_build(worker, request->build) ? request->build : 0;
}

/* The worker that changed last, of those that can go back. */
static struct charge *choose(struct session *session,
			     const struct hi_request *request,
			     const struct charge **ret_other)
{
	struct charge *found = NULL;

	*ret_other = NULL;
	for (size_t i = 0; i < session->n_charges; i++) {
		struct charge *charge = &session->charges[i];

		if (!is_meant(charge, request) || !find_target(charge, request))
			continue;
		if (found && found->changed_ns == charge->changed_ns) {
			*ret_other = charge;
		} else if (!found || charge->changed_ns > found->changed_ns) {
			found = charge;
			*ret_other = NULL;
		}
	}
	return found;
}

/* "those that there are: #3, #2, #1": the newest. */
static void hint_numbers(const struct hi_worker *worker, struct hi_err *err)
{
	struct hi_buf text = HI_BUF_INIT;
	unsigned int shown = 0;

	for (unsigned int number = worker->last_number; number > 0; number--)
		if (shown < NUMBERS_MAX && find_build(worker, number))
			hi_buf_printf(&text, "%s#%u", shown++ ? ", " : "",
				      number);
	hi_err_hint(err, "those that there are: %s", hi_buf_str(&text));
	hi_buf_done(&text);
}

static int fail_none(struct session *session, const struct hi_request *request,
		     struct hi_err *err)
{
	const struct hi_host *host = session->self.host;
	const struct hi_worker *worker = NULL;
	size_t n = 0;

	for (size_t i = 0; i < session->n_charges; i++)
		if (is_meant(&session->charges[i], request)) {
			worker = session->charges[i].worker;
			n++;
		}
	if (!worker)
		return hi_fail(err, HI_E_USAGE, "%s (%d) has no worker '%s'",
			       host->name, host->pid, request->worker);
	if (n > 1 && request->build)
		return hi_fail(err, HI_E_USAGE,
			       "no worker of %s (%d) has had a build #%u live",
			       host->name, host->pid, request->build);
	if (n > 1)
		return hi_fail(err, HI_E_USAGE,
			       "no worker of %s (%d) has had a build before "
			       "the one that is live",
			       host->name, host->pid);
	if (!worker->current)
		return hi_fail(err, HI_E_USAGE, "%s is not open yet",
			       worker->name);
	if (request->content[0])
		return hi_fail(err, HI_E_USAGE,
			       "%s is at build #%u, and has not had that one",
			       worker->name, worker->current->number);
	if (!request->build)
		return hi_fail(err, HI_E_USAGE,
			       "%s is at build #%u, and none was live before "
			       "it",
			       worker->name, worker->current->number);
	/* it was refused, or its copy is gone */
	hi_fail(err, HI_E_USAGE, "there is no build #%u of %s to go back to",
		request->build, worker->name);
	hint_numbers(worker, err);
	return HI_E_USAGE;
}

static int fail_two(const struct charge *one, const struct charge *other,
		    struct hi_err *err)
{
	hi_fail(err, HI_E_USAGE, "%s and %s can both go back",
		one->worker->name, other->worker->name);
	hi_err_hint(err, "say which one: hotinject rollback %s",
		    one->worker->name);
	return HI_E_USAGE;
}

/* What the history has of it is the answer: not of a newer build, which came while it
   waited. */
static json_t *tell(struct session *session, const struct charge *charge,
		    bool done, size_t n_before)
{
	const struct hi_worker *worker = charge->worker;
	const json_t *entry =
		hi_history_find_verdict(hi_report_get_history(session->report),
					n_before, worker->name, true);
	struct hi_buf text = HI_BUF_INIT;
	json_t *answer;

	if (entry)
		(void)!hi_session_add_verdict(&text, entry);
	else if (done)
		hi_buf_printf(&text, "%s is at build #%u already", worker->name,
			      worker->current->number);
	else
		hi_buf_printf(&text, "%s (%d) %s", session->self.host->name,
			      session->self.host->pid,
			      session->self.host->ended ? "has ended" :
			      session->leaving          ? "is let go of" :
							  "has closed it");
	answer = hi_answer_text(hi_buf_str(&text));
	if (done) {
		char content[HI_CONTENT_TEXT];

		/* for those that the host has forked */
		write_content(content, &worker->current->content);
		json_object_set_new(answer, "content", json_string(content));
		json_object_set_new(answer, "worker",
				    hi_event_text(worker->name));
	} else {
		json_object_set(answer, "error",
				json_object_get(answer, "text"));
		if (entry && json_object_get(entry, "hint"))
			json_object_set(answer, "hint",
					json_object_get(entry, "hint"));
	}
	hi_buf_done(&text);
	return answer;
}

json_t *hi_session_answer_rollback(struct session *session,
				   const struct hi_request *request)
{
	const struct charge *other;
	size_t n_before = hi_report_get_history(session->report)->n_added;
	struct hi_content from;
	struct charge *charge;
	struct hi_err err = { 0 };
	int code = 0;
	bool done;

	hi_session_go_after(session);
	charge = choose(session, request, &other);
	if (!charge)
		code = fail_none(session, request, &err);
	else if (other)
		code = fail_two(charge, other, &err);
	if (code < 0 || !charge)
		return hi_answer_error(&err);
	from = charge->worker->current->content;
	done = hi_session_roll_back(session, charge,
				    find_target(charge, request));
	if (done)
		hi_session_go_ahead(session, charge, &from, false);
	return tell(session, charge, done, n_before);
}
