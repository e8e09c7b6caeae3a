/*
 * A host and what it has forked: from a build that one of them goes back from, all do,
 * and the first waits for the last.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "injector/await.h"
#include "injector/clock.h"
#include "injector/session_parts.h"

static bool is_same(const struct hi_content *one,
		    const struct hi_content *other)
{
	return one->len == other->len && one->hash_high == other->hash_high &&
	       one->hash_low == other->hash_low;
}

/* The newest number of those that held this; 0: there is none. */
static unsigned int find_number(const struct hi_worker *worker,
				const struct hi_content *content)
{
	for (size_t i = worker->n_builds; i-- > 0;)
		if (is_same(&worker->builds[i]->content, content))
			return worker->builds[i]->number;
	return 0;
}

void hi_session_go_ahead(struct session *session, const struct charge *charge,
			 const struct hi_content *from, bool crashed)
{
	struct hi_way way = { .family = session->family,
			      .from = *from,
			      .to = charge->worker->current->content,
			      .crashed = crashed };
	uint64_t own;

	if (!session->group)
		return;
	if (crashed && charge->rolled_back)
		snprintf(way.function, sizeof(way.function), "%s",
			 charge->rolled_back->symbol->name);
	own = hi_ways_add(hi_group_get_ways(session->group), &way);
	/* nor is it news to what this host forks; what others have added is */
	if (own == session->ways_at + 1)
		session->ways_at = own;
	if (crashed)
		hi_group_call(session->group);
}

/* What it has done to another of them it would do here. */
static void note_crash(struct charge *charge, const struct hi_way *way)
{
	const struct hi_worker *worker = charge->worker;

	for (size_t i = 0; i < worker->n_builds; i++)
		worker->builds[i]->crashed |=
			is_same(&worker->builds[i]->content, &way->from);
	for (size_t i = 0; i < worker->n_functions; i++)
		if (way->function[0] &&
		    strncmp(worker->functions[i]->symbol->name, way->function,
			    sizeof(way->function) - 1) == 0)
			charge->rolled_back = worker->functions[i];
}

static void say_stays(struct session *session, const struct charge *charge)
{
	hi_report_note(session->report,
		       "%s (%d) has not had the build that the others go back "
		       "to; it keeps %s #%u",
		       session->self.host->name, session->self.host->pid,
		       charge->worker->name, charge->worker->current->number);
}

/* The way that CHARGE is to go, of all that are new. */
static void follow(struct session *session, struct charge *charge,
		   const struct hi_way *ways, size_t n)
{
	const struct hi_build *current = charge->worker->current;
	const struct hi_content *at = &current->content;
	const struct hi_way *last = NULL;
	unsigned int number;

	for (size_t i = 0; i < n; i++) {
		if (ways[i].family != session->family ||
		    !is_same(at, &ways[i].from))
			continue;
		last = &ways[i];
		at = &last->to;
		if (last->crashed)
			note_crash(charge, last);
	}
	if (!last || is_same(at, &current->content))
		return;
	number = find_number(charge->worker, at);
	if (!number)
		say_stays(session, charge);
	else if (!hi_session_roll_back(session, charge, number))
		return; /* what hinders it has been said */
}

void hi_session_go_after(struct session *session)
{
	struct hi_way ways[HI_WAYS_MAX];
	uint64_t before = session->ways_at;
	size_t n = 0;

	while (session->group && n < HI_WAYS_MAX &&
	       hi_ways_next(hi_group_get_ways(session->group),
			    &session->ways_at, &ways[n]))
		n++;
	for (size_t i = 0; i < session->n_charges && n > 0; i++)
		if (session->charges[i].worker->current && !session->heir &&
		    !session->self.host->ended && !session->leaving)
			follow(session, &session->charges[i], ways, n);
	/* a fork that was made meanwhile goes the rest itself */
	if (session->heir)
		session->ways_at = before;
}

/* --- the head, when its own host has ended or was let go ------------------------- */

/* Most of a server's processes end with it. */
#define SOON_MS 200

static void say_others(struct session *session)
{
	size_t n = hi_group_count(session->group);

	hi_report_note(session->report,
		       "%s (%d) has ended; %zu process%s that it forked %s on",
		       session->self.host->name, session->self.host->pid, n,
		       n == 1 ? "" : "es", n == 1 ? "goes" : "go");
}

void hi_session_attend(struct session *session)
{
	struct pollfd fds[2] = {
		{ .fd = session->signal_fd, .events = POLLIN },
		{ .fd = hi_group_get_fd(session->group), .events = POLLIN },
	};
	uint64_t soon = hi_clock_ns() + SOON_MS * HI_NS_PER_MS;
	bool said = false;

	hi_group_run(session->group);
	while (hi_group_count(session->group) > 0) {
		if (session->leaving)
			hi_group_let_go(session->group);
		hi_await_news(fds, 2, said ? -1 : SOON_MS);
		if (fds[0].revents)
			session->leaving |= hi_session_is_told_to_end(session);
		hi_group_run(session->group);
		if (!said && !session->leaving && hi_clock_ns() > soon &&
		    hi_group_count(session->group) > 0) {
			say_others(session);
			said = true;
		}
	}
}
