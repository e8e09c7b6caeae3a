/*
 * A host that is rescued goes on: at its frame rate, and also when hotinject is killed
 * in the middle of it; the next hotinject takes the host up as it is.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support_control.h"
#include "tests/support_scene.h"

#define WORKER "libworker.so"

enum {
	N_BUILDS = 4, /* those with odd numbers crash */
	N_CRASHES = 10,
	N_KILLS = 21,          /* HOTINJECT_TEST_KILLS */
	KILL_MAX_NS = 3000000, /* after the beginning, at most */
	ROUNDS = 1000,
};

static struct support *compile(const char *name, const char *host)
{
	struct support *scene = support_new(name);

	support_shell(scene,
		      "src=%s; for n in $(seq %d); do gcc -g -O2 -fPIC -shared "
		      "$(test $((n %% 2)) = 0 || echo -DBAD) -DBUILD=$n "
		      "-Wl,-soname," WORKER " -o worker.$n.so $src/worker.c; "
		      "done; cp worker.1.so " WORKER "; "
		      "gcc -D_GNU_SOURCE -g -O2 -pthread -o host $src/%s.c "
		      "-L. -lworker -Wl,-rpath,'$ORIGIN'",
		      support_source(scene, "tests/rescue"), N_BUILDS, host);
	return scene;
}

static void put(struct support *scene, long file)
{
	char name[32];

	snprintf(name, sizeof(name), "worker.%ld.so", file);
	support_put(scene, name, WORKER, SUPPORT_RENAME);
}

static void go_live(struct support *scene, long file, long number)
{
	put(scene, file);
	ck_assert_int_eq(support_event_number(
				 scene, support_event(scene, "live"), "build"),
			 number);
}

/* FILE, or OTHER, runs, and whatever threads have seen was right. */
static long expect_either(struct support *scene, long file, long other)
{
	const char *line = support_ask(scene, "value");
	long build = support_number(scene, line, "build");

	if ((build != file && build != other) ||
	    support_number(scene, line, "wrong") != 0)
		support_fail(scene, "%ld or %ld: %s", file, other, line);
	return build;
}

static void expect(struct support *scene, long file)
{
	(void)expect_either(scene, file, file);
}

static void expect_risk(struct support *scene, long value)
{
	ck_assert_int_eq(support_number(scene, support_ask(scene, "risk"),
					"risk"),
			 value);
}

static void begin(struct support *scene)
{
	support_put(scene, "worker.1.so", WORKER, SUPPORT_RENAME);
	support_start_plain(scene, "./host", "4", NULL);
	expect(scene, 1);
}

/* The one that was killed may have told of more. */
static json_t *skip_to(struct support *scene, const char *kind)
{
	json_t *event;

	do
		event = support_event_any(scene);
	while (strcmp(support_event_text(scene, event, "event"), kind) != 0);
	return event;
}

static long attach(struct support *scene)
{
	support_attach(scene, WORKER, NULL);
	return support_event_number(scene, skip_to(scene, "ready"), "build");
}

static void kill_tool(struct support *scene)
{
	ck_assert_int_eq(kill(support_get_attached(scene), SIGKILL), 0);
	ck_assert_int_eq(support_await_attached(scene), -SIGKILL);
}

static void leave(struct support *scene)
{
	ck_assert_int_eq(support_detach(scene), 0);
	skip_to(scene, "detached");
}

static void let_pass(long ns)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec -
		       start.tv_nsec <
	       ns);
}

/* --- taken up ------------------------------------------------------------------- */

/* A function is held when hotinject is killed: still so for the next one. */
START_TEST(a_function_that_is_held_stays_so_when_taken_up)
{
	struct support *scene = compile("held", "host");

	begin(scene);
	ck_assert_int_eq(attach(scene), 1);
	expect_risk(scene, 0);
	skip_to(scene, "crash");
	kill_tool(scene);
	expect_risk(scene, 0);
	ck_assert_int_eq(attach(scene), 1);
	expect_risk(scene, 0);
	control_command(scene, 0, "status", "  " WORKER ": build #1[ ,].*");
	go_live(scene, 2, 2);
	expect_risk(scene, 1);
	expect(scene, 2);
	leave(scene);
	expect_risk(scene, 1);
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}
END_TEST

/* Letting go of a host that was taken up lifts it: it dies of what it does. */
START_TEST(a_function_that_was_held_is_itself_again_when_let_go)
{
	struct support *scene = compile("lifted", "host");

	begin(scene);
	ck_assert_int_eq(attach(scene), 1);
	go_live(scene, 3, 2);
	expect_risk(scene, 0);
	skip_to(scene, "crash");
	if (_i == 1) {
		kill_tool(scene);
		ck_assert_int_eq(attach(scene), 2);
	}
	leave(scene);
	expect(scene, 3);
	support_tell(scene, "risk");
	ck_assert_int_eq(support_wait(scene), -SIGSEGV);
	support_free(scene);
}
END_TEST

/* It is at home in the build that runs: what leads there must not lead back. */
START_TEST(a_function_of_a_later_build_is_itself_again_when_let_go)
{
	struct support *scene = compile("later", "host");

	begin(scene);
	ck_assert_int_eq(attach(scene), 1);
	go_live(scene, 3, 2);
	ck_assert_str_eq(support_ask(scene, "late 5"), "late=6");
	ck_assert_str_eq(support_ask(scene, "late -1"), "late=0");
	skip_to(scene, "crash");
	/* pointers to it, too */
	for (int i = 0; i < ROUNDS; i++)
		if (strcmp(support_ask(scene, "late 5"), "late=0") == 0)
			break;
	ck_assert_str_eq(support_ask(scene, "late 5"), "late=0");
	if (_i == 1) {
		kill_tool(scene);
		ck_assert_str_eq(support_ask(scene, "late 5"), "late=0");
		ck_assert_int_eq(attach(scene), 2);
		ck_assert_str_eq(support_ask(scene, "late 5"), "late=0");
	}
	leave(scene);
	ck_assert_str_eq(support_ask(scene, "late 5"), "late=6");
	ck_assert_int_eq(attach(scene), 2);
	ck_assert_str_eq(support_ask(scene, "late -1"), "late=0");
	skip_to(scene, "crash");
	go_live(scene, 4, 3);
	ck_assert_str_eq(support_ask(scene, "late 5"), "late=6");
	leave(scene);
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}
END_TEST

/* Each line of the history has the build id of its own file. */
START_TEST(a_crash_while_a_build_waits_has_its_own_build_id)
{
	struct support *scene = compile("waits", "host");

	begin(scene);
	support_attach(scene, "--busy=defer", "--wait=20", WORKER, NULL);
	skip_to(scene, "ready");
	support_ask(scene, "hang");
	put(scene, 2);
	skip_to(scene, "waiting");
	expect_risk(scene, 0);
	skip_to(scene, "crash");
	control_command(scene, 0, "kick", ".*thread.* taken out");
	skip_to(scene, "live");
	expect(scene, 2);
	support_shell(scene,
		      "id() { readelf -n worker.$1.so | sed -n 's/.*Build ID: "
		      "//p'; }; $HOTINJECT history >said; cat said; "
		      "grep \" $(id 1) " WORKER " #1 crash: SIGSEGV \" said && "
		      "grep \" $(id 2) " WORKER " #2 live: \" said");
	support_forget_events(scene);
	leave(scene);
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}
END_TEST

/* --- what has no symbol ------------------------------------------------------------ */

/* What is done to the file, and how what has crashed is called then. */
static const struct nameless {
	const char *strip, *said;
} nameless[] = {
	{ "strip -s",
	  "in 0x[0-9a-f]+ of libworker.1.so, near label; go\\(\\) returns" },
	{ "objcopy --strip-symbol=deep",
	  "in deep\\(\\) \\(w.c:2\\); go\\(\\) returns" },
};

/* Its own address, or what the debug information says; not what stands beside it. */
START_TEST(a_function_without_a_symbol_is_not_called_after_another)
{
	struct support *scene = support_new("nameless");
	char *messages;

	support_write(scene, "w.c",
		      "__attribute__((noipa)) static int deep(int *p)\n"
		      "{ return *p + 1; }\n"
		      "int go(int *p) { return deep(p) + 5; }\n");
	support_write(scene, "label.S",
		      "	.globl label\n"
		      "	.type label,@function\n"
		      "label:\n"
		      "	ret\n"
		      "	.section .note.GNU-stack,\"\",@progbits\n");
	support_write(scene, "host.c",
		      "#include <stdio.h>\n"
		      "int go(int *);\n"
		      "int main(void)\n"
		      "{\n"
		      "	printf(\"go=%d\\n\", go((int *)8));\n"
		      "	return 0;\n"
		      "}\n");
	support_shell(scene,
		      "gcc -g -O2 -fPIC -shared -Wl,-soname," WORKER
		      " -o " WORKER " label.S w.c && %s " WORKER
		      " && gcc -o host host.c -L. -lworker "
		      "-Wl,-rpath,'$ORIGIN'",
		      nameless[_i].strip);
	support_start(scene, "./host", WORKER, NULL);
	ck_assert_str_eq(support_line(scene), "go=0");
	support_message(scene, nameless[_i].said);
	messages = support_messages(scene);
	ck_assert_ptr_null(strstr(messages, "label()"));
	free(messages);
	support_forget_events(scene);
	ck_assert_int_eq(support_wait(scene), 0);
	support_free(scene);
}
END_TEST

/* --- killed at any moment --------------------------------------------------------- */

/* Whether the host answers; false: it has died of the crash that nobody took. */
static bool is_taken(struct support *scene)
{
	siginfo_t info = { .si_pid = 0 };
	int len = 0;

	/* at the end it is readable, too */
	if (support_poll(scene, scene->out_fd, support_deadline(),
			 "the answer to a crash") &&
	    ioctl(scene->out_fd, FIONREAD, &len) == 0 && len > 0)
		return true;
	ck_assert_int_eq(waitid(P_PID, (id_t)support_get_pid(scene), &info,
				WEXITED | WNOWAIT),
			 0);
	if (info.si_code != CLD_DUMPED && info.si_code != CLD_KILLED)
		support_fail(scene, "the host has ended: %d", info.si_status);
	ck_assert_int_eq(info.si_status, SIGSEGV);
	return false;
}

/* FILE goes live where WAS runs, and what was held is so no more. */
static void go_on(struct support *scene, long was, long file)
{
	put(scene, file);
	for (int i = 0; i < ROUNDS; i++) {
		if (expect_either(scene, was, file) == file)
			break;
		let_pass(5000000);
	}
	expect(scene, file);
	expect_risk(scene, 1);
	leave(scene);
	expect_risk(scene, 1);
	ck_assert_int_eq(support_end(scene), 0);
}

static bool kill_in_crash(struct support *scene, long ns)
{
	begin(scene);
	ck_assert_int_eq(attach(scene), 1);
	support_tell(scene, "risk");
	/* the first crash of a session takes longest, and much comes after it */
	let_pass(ns * 4);
	kill_tool(scene);
	if (!is_taken(scene)) {
		ck_assert_int_eq(support_wait(scene), -SIGSEGV);
		return false;
	}
	ck_assert_str_eq(support_line(scene), "risk=0");
	expect(scene, 1);
	ck_assert_int_eq(attach(scene), 1);
	expect_risk(scene, 0);
	go_on(scene, 1, 2);
	return true;
}

static bool kill_in_rollback(struct support *scene, long ns)
{
	long number;

	begin(scene);
	ck_assert_int_eq(attach(scene), 1);
	go_live(scene, 2, 2);
	go_live(scene, 3, 3);
	support_shell(scene, "$HOTINJECT rollback >said 2>&1 &");
	let_pass(ns * 4);
	kill_tool(scene);
	expect_either(scene, 3, 2);
	number = attach(scene);
	ck_assert_int_ge(number, 2);
	ck_assert_int_le(number, 3);
	/* the file is still that of the newest: it may come at once */
	put(scene, 4);
	for (int i = 0; i < ROUNDS; i++) {
		const char *line = support_ask(scene, "value");

		if (support_number(scene, line, "wrong") != 0)
			support_fail(scene, "%s", line);
		if (support_number(scene, line, "build") == 4)
			break;
		let_pass(5000000);
	}
	expect(scene, 4);
	leave(scene);
	ck_assert_int_eq(support_end(scene), 0);
	return true;
}

/* A thread is still in there, or out: in any case it comes out now. */
static bool kill_in_kick(struct support *scene, long ns)
{
	begin(scene);
	ck_assert_int_eq(attach(scene), 1);
	support_ask(scene, "hang");
	support_shell(scene, "$HOTINJECT kick >said 2>&1 &");
	let_pass(ns);
	kill_tool(scene);
	expect(scene, 1);
	ck_assert_int_eq(attach(scene), 1);
	for (int i = 0; i < ROUNDS; i++) {
		const char *line = support_ask(scene, "hung");

		if (support_number(scene, line, "hangs") == 0)
			break;
		support_shell(scene, "$HOTINJECT kick >said 2>&1 || cat said");
	}
	ck_assert_str_eq(support_ask(scene, "hung"), "hangs=0");
	expect(scene, 1);
	go_on(scene, 1, 2);
	return true;
}

typedef bool kill_in(struct support *scene, long ns);
static kill_in *const kills[] = { kill_in_crash, kill_in_rollback,
				  kill_in_kick };

START_TEST(a_host_lives_on_whenever_hotinject_is_killed)
{
	static const char *const what[] = { "a crash", "a rollback", "a kick" };
	struct support *scene = compile("kills", "host");
	const char *times = getenv("HOTINJECT_TEST_KILLS");
	const char *first = getenv("HOTINJECT_TEST_SEED");
	unsigned int seed = first ? (unsigned int)strtoul(first, NULL, 10) :
				    (unsigned int)getpid();
	long n = times ? atol(times) : N_KILLS, n_taken = 0;

	printf("rescue: HOTINJECT_TEST_SEED=%u\n", seed);
	for (long i = 0; i < n / 3; i++) {
		long ns = rand_r(&seed) % KILL_MAX_NS;

		support_log(scene, "killed in", what[_i]);
		n_taken += kills[_i](scene, ns);
	}
	printf("rescue: %ld times killed in %s, %ld not taken\n", n / 3,
	       what[_i], n / 3 - n_taken);
	support_free(scene);
}
END_TEST

/* --- a game ----------------------------------------------------------------------- */

/* Until it has moved more than LEAST times, or missed that many. */
static const char *play(struct support *scene, const char *what, long least)
{
	const char *line;

	do
		line = support_ask(scene, "");
	while (support_number(scene, line, what) <= least);
	return line;
}

START_TEST(a_game_goes_on_through_ten_crashes_and_fixes)
{
	struct support *scene = compile("game", "game");
	long moves = 0, zeros = 0, longest = 0, us, late = 0, frames = 0;
	const char *line;

	support_put(scene, "worker.2.so", WORKER, SUPPORT_RENAME);
	support_start(scene, "./host", WORKER, NULL);
	support_event(scene, "ready");
	for (long i = 0; i < N_CRASHES; i++) {
		play(scene, "moves", moves + 5);
		/* what has moved stays where it is */
		put(scene, i % 2 ? 1 : 3);
		line = play(scene, "zeros", zeros + 5);
		moves = support_number(scene, line, "moves");
		ck_assert_int_eq(support_number(scene, support_ask(scene, ""),
						"moves"),
				 moves);
		put(scene, i % 2 ? 2 : 4);
		line = play(scene, "moves", moves);
		us = support_number(scene, line, "longest_us");
		longest = us > longest ? us : longest;
		moves = support_number(scene, line, "moves");
		zeros = support_number(scene, line, "zeros");
		frames = support_number(scene, line, "frames");
		late = support_number(scene, line, "late");
		ck_assert_int_eq(support_number(scene, line, "lost"), 0);
		ck_assert_int_eq(frames, moves + zeros);
	}
	printf("rescue: %ld frames, %d crashes, %ld frames missed, "
	       "the longest %ld us\n",
	       frames, N_CRASHES, late, longest);
	support_forget_events(scene);
	ck_assert_int_eq(support_end(scene), 0);
	support_free(scene);
}
END_TEST

static void add(Suite *suite)
{
	TCase *takeup = support_tcase(suite, "takeup");
	TCase *moments = support_tcase(suite, "moments");
	TCase *game = support_tcase(suite, "game");

	tcase_add_test(takeup, a_function_that_is_held_stays_so_when_taken_up);
	tcase_add_loop_test(
		takeup, a_function_that_was_held_is_itself_again_when_let_go, 0,
		2);
	tcase_add_loop_test(
		takeup, a_function_of_a_later_build_is_itself_again_when_let_go,
		0, 2);
	tcase_add_test(takeup,
		       a_crash_while_a_build_waits_has_its_own_build_id);
	tcase_add_loop_test(
		takeup, a_function_without_a_symbol_is_not_called_after_another,
		0, sizeof(nameless) / sizeof(*nameless));
	tcase_set_timeout(moments, 3600);
	tcase_add_loop_test(moments,
			    a_host_lives_on_whenever_hotinject_is_killed, 0,
			    sizeof(kills) / sizeof(*kills));
	tcase_add_test(game, a_game_goes_on_through_ten_crashes_and_fixes);
}

int main(void)
{
	return support_main("e2e_rescue", add);
}
