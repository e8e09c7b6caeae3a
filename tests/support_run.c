#include "tests/support_run.h"

#include <stdio.h>
#include <string.h>

enum { ANSWERS_A_BUILD = 3 };

static void build(struct run *run, int number)
{
	support_shell(run->scene, "sh ./build %d", number);
}

void run_prepare(struct run *run, const struct host *host)
{
	char folder[100];

	snprintf(folder, sizeof(folder), "tests/hosts/%s", host->name);
	run->host = host;
	run->scene = support_new(host->name);
	run->n_answers = 0;
	support_shell(run->scene, "cp -r %s/. .",
		      support_source(run->scene, folder));
	build(run, 1);
}

void run_start(struct run *run)
{
	json_t *ready;

	support_start_words(run->scene, run->host->words);
	if (!run->host->linked)
		support_event(run->scene, "absent");
	if (run->host->open)
		support_tell(run->scene, run->host->open);
	ready = support_event(run->scene, "ready");
	ck_assert_int_eq(support_event_number(run->scene, ready, "build"), 1);
}

void run_check(struct run *run, const char *line, int number)
{
	const struct host *host = run->host;

	run->n_answers++;
	for (int i = 0; i < RUN_MAX_NAMES && host->builds[i]; i++)
		if (support_number(run->scene, line, host->builds[i]) != number)
			support_fail(run->scene, "%s is not of build %d: %s",
				     host->builds[i], number, line);
	for (int i = 0; i < RUN_MAX_NAMES && host->counts[i]; i++)
		if (support_number(run->scene, line, host->counts[i]) !=
		    run->n_answers)
			support_fail(run->scene, "%s is not %ld: %s",
				     host->counts[i], run->n_answers, line);
	if (number == RUN_LAST_BUILD && host->counts[0] &&
	    support_number(run->scene, line, "twice") != 2 * run->n_answers)
		support_fail(run->scene, "wrong twice in: %s", line);
}

const char *run_ask(struct run *run, const char *question)
{
	support_tell(run->scene, question);
	return support_line_like(run->scene, "answer=");
}

void run_ask_some(struct run *run, int number)
{
	for (int i = 0; i < ANSWERS_A_BUILD; i++)
		run_check(run, run_ask(run, run->host->question), number);
}

void run_reload(struct run *run, int number)
{
	const char *changed = run->host->changed;
	json_t *live;

	build(run, number);
	live = support_event(run->scene, "live");
	ck_assert_int_eq(support_event_number(run->scene, live, "build"),
			 number);
	if (!changed)
		return;
	ck_assert_str_eq(support_event_list(run->scene, live, "changed"),
			 changed);
	ck_assert_str_eq(support_event_list(run->scene, live, "added"),
			 number == RUN_LAST_BUILD ? "twice" : "");
}

void run_end(struct run *run)
{
	ck_assert_int_eq(support_end(run->scene), 0);
	support_free(run->scene);
}

void run_through_all_builds(struct run *run)
{
	run_start(run);
	run_ask_some(run, 1);
	for (int number = 2; number <= RUN_LAST_BUILD; number++) {
		run_reload(run, number);
		run_ask_some(run, number);
	}
	run_end(run);
}
