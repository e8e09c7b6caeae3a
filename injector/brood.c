#include "injector/brood.h"

#include <stdlib.h>

#include "injector/attach.h"
#include "injector/clock.h"

/* A process that lives for so long is one that calls the worker again. */
#define GROWN_UP_NS (30 * HI_NS_PER_MS)

/* Another program: there is no worker in it that was followed. */
static void on_exec(void *context, struct hi_host *host,
		    struct hi_thread *thread)
{
	(void)context;
	(void)thread;
	host->leaving = true;
}

static struct hi_newborn *find_owner(const struct hi_brood *brood, pid_t tid)
{
	struct hi_newborn *newborn = brood->first;

	while (newborn && (newborn->host->ended ||
			   (!hi_host_find_thread(newborn->host, tid) &&
			    !hi_host_owns(newborn->host, tid))))
		newborn = newborn->next;
	return newborn;
}

static struct hi_newborn *add(struct hi_brood *brood,
			      const struct hi_host_hooks *hooks, pid_t pid)
{
	struct hi_newborn *newborn = calloc(1, sizeof(*newborn));
	struct hi_host *host = newborn ? hi_host_new(pid) : NULL;

	if (!host || !hi_host_add_thread(host, pid)) {
		hi_host_free(host);
		free(newborn);
		return NULL;
	}
	host->hooks.context = hooks->context;
	host->hooks.on_stranger = hooks->on_stranger;
	host->hooks.on_signal = hooks->on_signal;
	host->hooks.on_exec = on_exec;
	newborn->host = host;
	newborn->due_ns = hi_clock_ns() + GROWN_UP_NS;
	newborn->epoch = brood->epoch;
	newborn->next = brood->first;
	brood->first = newborn;
	return newborn;
}

bool hi_brood_take(struct hi_brood *brood, const struct hi_host_hooks *hooks,
		   const struct hi_stop *stop)
{
	struct hi_newborn *newborn = find_owner(brood, stop->tid);

	if (!newborn && stop->kind != HI_STOP_ENDED)
		newborn = add(brood, hooks, stop->tid);
	if (newborn && stop->kind != HI_STOP_NONE)
		hi_host_take(newborn->host, stop);
	return newborn != NULL;
}

struct hi_newborn *hi_brood_find_due(const struct hi_brood *brood,
				     uint64_t now_ns, bool early)
{
	struct hi_newborn *newborn = brood->first;

	while (newborn && (newborn->host->ended || newborn->host->leaving ||
			   (!early && newborn->due_ns > now_ns)))
		newborn = newborn->next;
	return newborn;
}

void hi_brood_hurry(struct hi_brood *brood, const struct hi_host *host)
{
	for (struct hi_newborn *at = brood->first; at; at = at->next)
		if (at->host == host)
			at->due_ns = 0;
}

int hi_brood_next_timeout_ms(const struct hi_brood *brood)
{
	uint64_t now = hi_clock_ns();
	int timeout = -1;

	for (const struct hi_newborn *at = brood->first; at; at = at->next) {
		int wait = at->due_ns <= now ?
				   0 :
				   (int)((at->due_ns - now) / HI_NS_PER_MS) + 1;

		timeout = timeout < 0 || wait < timeout ? wait : timeout;
	}
	return timeout;
}

void hi_brood_clean(struct hi_brood *brood)
{
	struct hi_newborn **at = &brood->first;

	while (*at) {
		struct hi_newborn *newborn = *at;

		if (!newborn->host->ended) {
			at = &newborn->next;
			continue;
		}
		*at = newborn->next;
		hi_host_free(newborn->host);
		free(newborn);
	}
}

void hi_brood_pump(struct hi_brood *brood, const struct hi_host_hooks *hooks)
{
	while (brood->first) {
		struct hi_stop stop = hi_tracee_wait(-1);

		if (stop.kind == HI_STOP_NONE)
			return;
		if (stop.tid <= 0)
			hi_brood_done(brood); /* no child is left: ECHILD */
		else if (!hooks->on_stranger(hooks->context, &stop) &&
			 stop.kind != HI_STOP_ENDED)
			hi_tracee_detach(stop.tid, 0);
	}
}

void hi_brood_let_go(struct hi_brood *brood)
{
	for (struct hi_newborn *at = brood->first; at; at = at->next)
		if (!at->host->ended)
			hi_attach_end(at->host);
	hi_brood_clean(brood);
}

void hi_brood_done(struct hi_brood *brood)
{
	for (struct hi_newborn *at = brood->first; at; at = at->next)
		at->host->ended = true;
	hi_brood_clean(brood);
}
