/*
 * What scripts/deps.sh asks of each package manager. The managers are stand-ins that
 * print how they were called, in a PATH that has next to nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support.h"

#define LEN(array) (int)(sizeof(array) / sizeof(*(array)))

/* A PATH with what the script itself needs; nothing that it looks for by name. */
static struct support *make(void)
{
	struct support *scene = support_new("deps");

	support_shell(scene, "mkdir bin; for name in sh awk dirname env; do"
			     " ln -s \"$(command -v $name)\" bin; done");
	return scene;
}

static void stub(struct support *scene, const char *name, const char *text)
{
	char path[60], script[200];

	snprintf(path, sizeof(path), "bin/%s", name);
	snprintf(script, sizeof(script), "#!/bin/sh\n%s\n", text);
	support_write(scene, path, script);
}

/* What the script says for GROUPS; its end is the last line, "end=0". */
static char *run(struct support *scene, const char *groups)
{
	support_shell(scene,
		      "env -i PATH=\"$PWD/bin\" %s %s >said 2>&1;"
		      " echo end=$? >>said",
		      support_source(scene, "scripts/deps.sh"), groups);
	return support_read(scene, "said", NULL);
}

static void expect(const char *said, const char *text)
{
	ck_assert_msg(strstr(said, text) != NULL, "no \"%s\" in: %s", text,
		      said);
}

static void reject(const char *said, const char *text)
{
	ck_assert_msg(strstr(said, text) == NULL, "\"%s\" in: %s", text, said);
}

static const struct manager {
	const char *name, *call, *package, *alien;
} managers[] = {
	{ "apt-get", "apt-get -qq -y --no-install-recommends install",
	  " libjansson-dev ", " jansson-devel " },
	{ "dnf", "dnf -q -y install", " jansson-devel ", " libjansson-dev " },
	{ "pacman", "pacman -S --needed --noconfirm", " jansson ",
	  " jansson-devel " },
	{ "zypper", "zypper -q --non-interactive install", " libjansson-devel ",
	  " jansson-devel " },
};

/* apt-get's output is thrown away, so the stand-in writes to standard error. */
START_TEST(each_manager_is_asked_for_its_own_names)
{
	const struct manager *manager = &managers[_i];
	struct support *scene = make();
	char call[120], *said;

	stub(scene, manager->name, "echo \"${0##*/} $*\" >&2");
	stub(scene, "id", "echo 0");
	said = run(scene, "build");
	snprintf(call, sizeof(call), "\n%s ", manager->call);
	expect(said, call);
	expect(said, manager->package);
	reject(said, manager->alien);
	reject(said, "sudo");
	reject(said, "clang"); /* nobody wanted the other groups */
	expect(said, "end=0\n");
	free(said);
	support_free(scene);
}
END_TEST

START_TEST(who_is_not_root_takes_sudo)
{
	struct support *scene = make();
	char *said;

	stub(scene, "dnf", "echo \"as ${USER_NOW:-nobody}: $*\"");
	stub(scene, "sudo", "USER_NOW=root exec \"$@\"");
	stub(scene, "id", "echo 1000");
	said = run(scene, "lint");
	expect(said, "deps: installing with sudo dnf: ");
	expect(said, "as root: -q -y install ");
	reject(said, "as nobody");
	free(said);
	support_free(scene);
}
END_TEST

START_TEST(without_sudo_it_is_said_what_root_has_to_install)
{
	struct support *scene = make();
	char *said;

	stub(scene, "zypper", "echo called");
	stub(scene, "id", "echo 1000");
	said = run(scene, "lint");
	expect(said, "deps: there is no sudo; please have root install with "
		     "zypper: ");
	expect(said, " mandoc");
	expect(said, "end=1\n");
	reject(said, "called");
	free(said);
	support_free(scene);
}
END_TEST

START_TEST(a_manager_that_fails_is_named)
{
	struct support *scene = make();
	char *said;

	stub(scene, "pacman", "exit 3");
	stub(scene, "id", "echo 0");
	said = run(scene, "lint");
	expect(said, "deps: pacman could not install all of it\nend=1\n");
	free(said);
	support_free(scene);
}
END_TEST

START_TEST(without_a_manager_it_is_said_what_is_missing)
{
	struct support *scene = make();
	char *said;

	stub(scene, "id", "echo 0");
	said = run(scene, "lint");
	expect(said, "deps: no package manager that is known here");
	expect(said, "\n  cppcheck\n");
	expect(said, "end=1\n");
	free(said);
	support_free(scene);
}
END_TEST

/* Every make runs the script: it asks nobody when nothing is missing. */
START_TEST(nothing_is_said_when_nothing_is_missing)
{
	struct support *scene = make();
	char *said;

	stub(scene, "dnf", "echo called");
	stub(scene, "sudo", "echo called");
	stub(scene, "pkg-config", "exit 0");
	said = run(scene, "unit");
	ck_assert_str_eq(said, "end=0\n");
	free(said);
	support_free(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "deps");

	tcase_add_loop_test(tcase, each_manager_is_asked_for_its_own_names, 0,
			    LEN(managers));
	tcase_add_test(tcase, who_is_not_root_takes_sudo);
	tcase_add_test(tcase, without_sudo_it_is_said_what_root_has_to_install);
	tcase_add_test(tcase, a_manager_that_fails_is_named);
	tcase_add_test(tcase, without_a_manager_it_is_said_what_is_missing);
	tcase_add_test(tcase, nothing_is_said_when_nothing_is_missing);
}

int main(void)
{
	return support_main("deps", add);
}
