#include "tests/support_faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "tests/support_case.h"

#define WORKER "libworker.so"
#define STORY  "tests/cases/launched"

void faults_compile(struct support *scene)
{
	for (unsigned int i = 1; i <= 4; i++)
		support_compile_worker(scene, STORY, &support_plain_variant, "",
				       i);
	support_put(scene, "build.1.so", WORKER, SUPPORT_RENAME);
	support_compile_host(scene, "tests/world", &support_plain_variant,
			     "-Wl,-rpath,'$ORIGIN/seen'");
}

struct support *faults_make(const char *name)
{
	struct support *scene = support_new(name);

	faults_compile(scene);
	return scene;
}

void faults_put(struct support *scene, const char *worker, int number)
{
	char name[40];

	snprintf(name, sizeof(name), "build.%d.so", number);
	support_put(scene, name, worker, SUPPORT_RENAME);
}

void faults_expect_value(struct support *scene, int number)
{
	char now[40];

	snprintf(now, sizeof(now), "value=%d", number);
	ck_assert_str_eq(support_ask(scene, "value"), now);
}

/* Build NUMBER goes live; the one before does not come back. */
void faults_expect_live(struct support *scene, const char *worker, int number)
{
	char before[40];

	faults_put(scene, worker, number);
	support_event(scene, "live");
	faults_expect_value(scene, number);
	snprintf(before, sizeof(before), "value=%d", number - 1);
	support_reject(scene, "value", before, 3);
}

/* How many lines of what was said hold TEXT. */
int faults_count_said(struct support *scene, const char *text)
{
	char *HI_FREE said = support_messages(scene);
	const char *at = said;
	int n = 0;

	for (; (at = strstr(at, text)); at += strlen(text))
		n++;
	return n;
}

void faults_finish(struct support *scene)
{
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}

/* The limits are those of a user namespace of its own. */
bool faults_limit_inotify(struct support *scene, const char *what,
			  const char *limit)
{
	char script[400];

	/* NOLINTNEXTLINE(cert-env33-c) */
	if (system("unshare -Ur true 2>/dev/null") != 0) {
		printf("skip: %s (needs user namespaces)\n", what);
		return false;
	}
	snprintf(script, sizeof(script),
		 "#!/bin/sh\nexec unshare -Ur sh -c '"
		 "echo %s && exec \"$0\" \"$@\"' %s \"$@\"\n",
		 limit, scene ? getenv("HOTINJECT") : "");
	support_write(scene, "limited", script);
	support_shell(scene, "chmod 755 limited");
	support_use_tool(scene, "limited");
	return true;
}
