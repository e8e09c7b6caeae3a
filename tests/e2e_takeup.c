/*
 * hotinject has started a host and is killed: another one takes the host up, whatever
 * it had been through by then, with the right number, and the next build goes live.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support.h"

#define WORKER "./libworker.so"

static void put(struct support *scene, int build)
{
	char name[32];

	snprintf(name, sizeof(name), "worker.%d.so", build);
	support_put(scene, name, WORKER, SUPPORT_RENAME);
}

static void expect(struct support *scene, const char *question,
		   const char *answer)
{
	ck_assert_str_eq(support_ask(scene, question), answer);
	ck_assert_str_eq(support_ask(scene, question), answer);
}

/* Wait until N events of KIND have come, each of build NUMBER; 0: it has none. */
static void await_events(struct support *scene, const char *kind, int n,
			 long number)
{
	while (n > 0) {
		json_t *event = support_event_any(scene);

		if (strcmp(support_event_text(scene, event, "event"), kind) !=
		    0)
			continue;
		if (number)
			ck_assert_int_eq(support_event_number(scene, event,
							      "build"),
					 number);
		n--;
	}
}

static void kill_attached(struct support *scene)
{
	ck_assert_int_eq(kill(support_get_attached(scene), SIGKILL), 0);
	ck_assert_int_eq(support_await_attached(scene), -SIGKILL);
}

static void end(struct support *scene, int status)
{
	ck_assert_int_eq(support_detach(scene), 0);
	ck_assert_int_eq(support_end(scene), status);
	support_free(scene);
}

/* --- functions with resolvers ------------------------------------------------- */

static const char *const ifunc_answers[] = {
	NULL,
	"call=11 found=11 pointer=13 inside=11 given=11 hidden=13 one=14 "
	"two=14 same=1 seen=11",
	"call=22 found=22 pointer=23 inside=22 given=22 hidden=23 one=24 "
	"two=24 same=1 seen=22",
	"call=31 found=31 pointer=33 inside=31 given=31 hidden=33 one=34 "
	"two=34 same=1 seen=31",
	"call=45 found=45 pointer=43 inside=45 given=45 hidden=43 one=44 "
	"two=44 same=1 seen=45",
};

START_TEST(a_worker_whose_resolvers_have_picked_is_taken_up)
{
	static const int builds[] = { 2, 3, 2, 4 };
	struct support *scene = support_new("resolvers");
	long number = 1;

	support_shell(scene,
		      "src=%s; for n in 1 2 3 4; do gcc -g -O2 -fPIC -shared "
		      "-DBUILD=$n -Wl,-soname,libworker.so -o worker.$n.so "
		      "$src/worker.c; done; cp worker.1.so libworker.so; "
		      "gcc -g -O2 -o host $src/host.c -L. -lworker "
		      "-Wl,-rpath,'$ORIGIN'",
		      support_source(scene, "tests/cases/ifunc"));
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	support_kill_tool(scene);
	for (size_t i = 0; i < sizeof(builds) / sizeof(*builds); i++) {
		support_attach(scene, WORKER, NULL);
		await_events(scene, "ready", 1, number);
		expect(scene, "go",
		       ifunc_answers[number == 1 ? 1 : builds[i - 1]]);
		put(scene, builds[i]);
		await_events(scene, "live", 1, ++number);
		expect(scene, "go", ifunc_answers[builds[i]]);
		kill_attached(scene);
		expect(scene, "go", ifunc_answers[builds[i]]);
	}
	support_attach(scene, WORKER, NULL);
	await_events(scene, "ready", 1, number);
	support_shell(scene, "$HOTINJECT rollback 2");
	expect(scene, "go", ifunc_answers[2]);
	support_forget_events(scene);
	end(scene, 0);
}
END_TEST

/* --- several workers ---------------------------------------------------------- */

static const char other_worker[] =
	"static int calls;\n"
	"int other(void) { return BUILD * 100 + ++calls; }\n";

static const char two_host[] =
	"#include <dlfcn.h>\n"
	"#include <stdio.h>\n"
	"int other(void);\n"
	"int main(void)\n"
	"{\n"
	"	char line[20];\n"
	"	void *handle = NULL;\n"
	"	int (*step)(void);\n"
	"	while (fgets(line, sizeof(line), stdin)) {\n"
	"		if (line[0] == 'o')\n"
	"			handle = dlopen(\"./libworker.so\", RTLD_NOW);\n"
	"		if (line[0] == 'c' && dlclose(handle) == 0)\n"
	"			handle = NULL;\n"
	"		step = handle ? (int (*)(void))dlsym(handle, \"step\")\n"
	"			      : NULL;\n"
	"		printf(\"other=%d step=%d\\n\", other(),\n"
	"		       step ? step() : 0);\n"
	"		fflush(stdout);\n"
	"	}\n"
	"	return 0;\n"
	"}\n";

static void take_up_both(struct support *scene, int n_ready)
{
	kill_attached(scene);
	support_attach(scene, WORKER, "./libother.so", NULL);
	await_events(scene, "ready", n_ready, 0);
}

static struct support *begin_two(const char *name)
{
	struct support *scene = support_new(name);

	support_write(scene, "other.c", other_worker);
	support_write(scene, "host.c", two_host);
	support_shell(scene,
		      "src=%s; for n in 1 2 3; do "
		      "gcc -g -O2 -fPIC -shared -DBUILD=$n -o worker.$n.so "
		      "$src/worker.c; "
		      "gcc -g -O2 -fPIC -shared -DBUILD=$n "
		      "-Wl,-soname,libother.so -o other.$n.so other.c; done; "
		      "cp worker.1.so libworker.so; cp other.1.so libother.so; "
		      "gcc -g -O2 -o host host.c -L. -lother "
		      "-Wl,-rpath,'$ORIGIN'",
		      support_source(scene, "tests/many"));
	support_start(scene, "./host", WORKER, "./libother.so", NULL);
	await_events(scene, "ready", 1, 1);
	return scene;
}

/* A plugin that was closed leaves lines in the record, and its files may be gone. */
START_TEST(a_host_is_taken_up_after_it_has_closed_one_of_two_workers)
{
	struct support *scene = begin_two("two");

	ck_assert_str_eq(support_ask(scene, "open"), "other=101 step=1");
	await_events(scene, "ready", 1, 1);
	put(scene, 2);
	await_events(scene, "live", 1, 2);
	support_put(scene, "other.2.so", "libother.so", SUPPORT_RENAME);
	await_events(scene, "live", 1, 2);
	support_kill_tool(scene);
	support_attach(scene, WORKER, "./libother.so", NULL);
	await_events(scene, "ready", 2, 2);
	ck_assert_str_eq(support_ask(scene, "ask"), "other=202 step=2");
	ck_assert_str_eq(support_ask(scene, "close"), "other=203 step=0");
	take_up_both(scene, 1);
	ck_assert_str_eq(support_ask(scene, "ask"), "other=204 step=0");
	take_up_both(scene, 1);
	/* and when nobody looked while it was opened anew */
	kill_attached(scene);
	ck_assert_str_eq(support_ask(scene, "open"), "other=205 step=2");
	support_attach(scene, WORKER, "./libother.so", NULL);
	await_events(scene, "ready", 1, 2);
	await_events(scene, "ready", 1, 1);
	put(scene, 3);
	await_events(scene, "live", 1, 2);
	ck_assert_str_eq(support_ask(scene, "ask"), "other=206 step=3");
	support_forget_events(scene);
	end(scene, 0);
}
END_TEST

START_TEST(a_host_with_two_workers_is_taken_up_again_and_again)
{
	struct support *scene = begin_two("again");

	ck_assert_str_eq(support_ask(scene, "open"), "other=101 step=1");
	await_events(scene, "ready", 1, 1);
	put(scene, 2);
	await_events(scene, "live", 1, 2);
	support_kill_tool(scene);
	support_attach(scene, WORKER, "./libother.so", NULL);
	await_events(scene, "ready", 2, 0);
	for (int i = 0; i < 3; i++)
		take_up_both(scene, 2);
	ck_assert_str_eq(support_ask(scene, "ask"), "other=102 step=2");
	support_forget_events(scene);
	end(scene, 0);
}
END_TEST

/* --- what a server forks ------------------------------------------------------ */

enum { N_FORKS = 2 };

static void attach_to_all(struct support *scene)
{
	char words[N_FORKS][30];

	for (int i = 0; i < N_FORKS; i++) {
		char question[20];

		snprintf(question, sizeof(question), "pid %d", i);
		snprintf(words[i], sizeof(words[i]), "--pid=%ld",
			 support_number(scene, support_ask(scene, question),
					"pid"));
	}
	support_attach(scene, words[0], words[1], WORKER, NULL);
}

/* The others let go when the first one is killed, and may find that the build is the
   first: they take nothing with them that its host needs. */
START_TEST(a_server_and_what_it_forked_are_taken_up)
{
	struct support *scene = support_new("server");
	char answer[20];

	support_shell(scene,
		      "src=%s; for n in 1 2 3; do gcc -g -O2 -fPIC -shared "
		      "-DBUILD=$n -Wl,-soname,libworker.so -o worker.$n.so "
		      "$src/worker.c; done; cp worker.1.so libworker.so; "
		      "gcc -D_GNU_SOURCE -g -O2 -o host $src/host.c -L. "
		      "-lworker -Wl,-rpath,'$ORIGIN'",
		      support_source(scene, "tests/many"));
	support_start(scene, "./host", WORKER, "--", "fork", "2", NULL);
	await_events(scene, "ready", 1 + N_FORKS, 1);
	if (_i == 1) {
		put(scene, 2);
		await_events(scene, "live", 1 + N_FORKS, 2);
	}
	snprintf(answer, sizeof(answer), "all=%d", 1 + _i);
	expect(scene, "all", answer);
	support_kill_tool(scene);
	await_events(scene, "detached", N_FORKS, 0);
	expect(scene, "all", answer);
	attach_to_all(scene);
	await_events(scene, "ready", 1 + N_FORKS, 1 + _i);
	expect(scene, "all", answer);
	put(scene, 3);
	await_events(scene, "live", 1 + N_FORKS, 2 + _i);
	expect(scene, "all", "all=3");
	support_forget_events(scene);
	end(scene, 3);
}
END_TEST

static void add(Suite *suite)
{
	TCase *tcase = support_tcase(suite, "takeup");

	tcase_add_test(tcase, a_worker_whose_resolvers_have_picked_is_taken_up);
	tcase_add_test(
		tcase,
		a_host_is_taken_up_after_it_has_closed_one_of_two_workers);
	tcase_add_test(tcase,
		       a_host_with_two_workers_is_taken_up_again_and_again);
	tcase_add_loop_test(tcase, a_server_and_what_it_forked_are_taken_up, 0,
			    2);
}

int main(void)
{
	return support_main("e2e_takeup", add);
}
