#include "injector/report.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "elfscan/demangle.h"
#include "injector/phrase.h"
#include "tests/unit/fixture.h"

/* A reporter whose messages and events go to files that the test reads. */
struct scene {
	struct hi_fixture fx;
	struct hi_options options;
	struct hi_report *report;
	int old_stderr;
	const char *said_path;
	const char *events_path;
	char *said;
	char *events;
};

static void begin(struct scene *scene, struct hi_options options)
{
	struct hi_err err;
	int fd;

	memset(scene, 0, sizeof(*scene));
	hi_fixture_init(&scene->fx);
	scene->said_path = hi_fixture_write(&scene->fx, "said", "");
	scene->events_path = hi_fixture_path(&scene->fx, "events");
	scene->options = options;
	if (!scene->options.events)
		scene->options.events = scene->events_path;
	fd = open(scene->said_path, O_WRONLY | O_APPEND);
	scene->old_stderr = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	ck_assert_int_eq(hi_report_new(&scene->options, &scene->report, &err),
			 0);
}

static char *read_text(const char *path)
{
	size_t len;
	unsigned char *bytes = hi_fixture_read(path, &len);
	char *text = calloc(1, len + 1);

	memcpy(text, bytes, len);
	free(bytes);
	return text;
}

/* Standard error is given back, what was said is in scene->said. */
static void look(struct scene *scene)
{
	dup2(scene->old_stderr, STDERR_FILENO);
	close(scene->old_stderr);
	hi_report_free(scene->report);
	scene->said = read_text(scene->said_path);
	if (access(scene->events_path, F_OK) == 0)
		scene->events = read_text(scene->events_path);
}

static void done(struct scene *scene)
{
	free(scene->said);
	free(scene->events);
	hi_fixture_done(&scene->fx);
}

static struct hi_report_live example_live(void)
{
	static const char *const changed[] = { "update" };

	return (struct hi_report_live){
		.pid = 4242,
		.worker = "libworker.so",
		.build = 2,
		.changed = changed,
		.n_changed = 1,
		.n_same = 11,
		.state = { .kept = 7, .fresh = 1 },
		.state_known = true,
		.latency_ns = 1900000,
		.pause_ns = 41000,
	};
}

static void say_live(const struct hi_report_live *live, const char *expected)
{
	struct scene scene;

	begin(&scene, (struct hi_options){ 0 });
	hi_report_live(scene.report, live);
	look(&scene);
	ck_assert_str_eq(scene.said, expected);
	done(&scene);
}

START_TEST(a_live_build_says_what_changed_and_how_long_it_took)
{
	struct hi_report_live live = example_live();

	say_live(&live, "hotinject: libworker.so #2 live: update changed, 11 "
			"same; 7 variables kept, 1 new (1.9 ms, paused 41 "
			"us)\n");
}
END_TEST

START_TEST(groups_are_joined_and_long_lists_are_cut)
{
	static const char *const many[] = { "a", "b", "c", "d", "e", "f" };
	struct hi_report_live live = example_live();

	live.changed = many;
	live.n_changed = 6;
	live.added = many;
	live.n_added = 4;
	live.removed = many + 5;
	live.n_removed = 1;
	live.n_same = 0;
	live.state = (struct hi_report_state){ .kept = 1, .reset = 2 };
	say_live(&live,
		 "hotinject: libworker.so #2 live: a, b, c, d and 2 more "
		 "changed, a, b, c, d added, f removed; 1 variable "
		 "kept, 2 reset (1.9 ms, paused 41 us)\n");
}
END_TEST

START_TEST(a_build_with_other_data_only_says_so)
{
	struct hi_report_live live = example_live();

	live.n_changed = 0;
	live.n_same = 12;
	live.state = (struct hi_report_state){ 0 };
	say_live(&live, "hotinject: libworker.so #2 live: no function changed, "
			"12 same (1.9 ms, paused 41 us)\n");
}
END_TEST

START_TEST(fresh_state_and_a_busy_worker_are_told)
{
	struct hi_report_live live = example_live();

	live.state_known = false;
	live.busy = true;
	say_live(&live, "hotinject: libworker.so #2 live: update changed, 11 "
			"same; state fresh (1.9 ms, paused 41 us) while "
			"threads finish in the old build\n");
}
END_TEST

START_TEST(bypassed_functions_get_a_line_of_their_own)
{
	static const char *const names[] = { "tick", "draw", "c", "d", "e" };
	struct hi_report_live live = example_live();
	const char *first = "hotinject: libworker.so #2 live: update changed, "
			    "11 same; 7 variables kept, 1 new (1.9 ms, paused "
			    "41 us)\n";
	char expected[500];

	live.bypassed = names;
	live.n_bypassed = 1;
	snprintf(expected, sizeof(expected),
		 "%shotinject: libworker.so #2: a stored pointer to tick() "
		 "still reaches build #1\n",
		 first);
	say_live(&live, expected);
	live.n_bypassed = 5;
	snprintf(expected, sizeof(expected),
		 "%shotinject: libworker.so #2: stored pointers to tick(), "
		 "draw(), c(), d() and 1 more still reach build #1\n",
		 first);
	say_live(&live, expected);
}
END_TEST

START_TEST(a_refusal_gives_every_reason_and_then_the_hint)
{
	static const struct hi_reason reasons[] = {
		{ "parameter-type", "update",
		  "parameter 2 changed from 'float' to 'double'",
		  "worker.c:12" },
		{ "state", "score", "its size changed", "" },
		{ "load", "", "undefined symbol: x", "" },
	};
	struct scene scene;

	begin(&scene, (struct hi_options){ .quiet = true });
	hi_report_refused(scene.report, 4242, "libworker.so", 3, false, reasons,
			  3, "rebuild the host");
	look(&scene);
	ck_assert_str_eq(
		scene.said,
		"hotinject: libworker.so #3 refused: update(): parameter 2 "
		"changed from 'float' to 'double' (worker.c:12)\n"
		"hotinject: libworker.so #3 refused: score: its size changed\n"
		"hotinject: libworker.so #3 refused: undefined symbol: x\n"
		"hint: rebuild the host\n");
	done(&scene);
}
END_TEST

START_TEST(the_start_and_the_waiting_are_told)
{
	struct scene scene;

	begin(&scene, (struct hi_options){ .verbose = 1 });
	hi_report_ready(scene.report, "./game", 4242, "out/libworker.so", 12);
	hi_report_ready(scene.report, "./game", 4242, "out/libworker.so", 1);
	hi_report_absent(scene.report, "./game", 4242, "libworker.so");
	hi_report_ignored(scene.report, 4242, "libworker.so",
			  "libworker.so is empty; waiting for the next write");
	hi_report_waiting(scene.report, 4242, "libworker.so", 4, 4250,
			  "frame_loop", "worker.c:88", 500000000);
	hi_report_waiting(scene.report, 4242, "libworker.so", 4, 4250,
			  "_ZN4game6updateEfi", "", 1500000000);
	hi_report_exit(scene.report, 4242, 3);
	look(&scene);
	ck_assert_str_eq(
		scene.said,
		"hotinject: game (4242): libworker.so has 12 functions in the "
		"table\n"
		"hotinject: game (4242): libworker.so has 1 function in the "
		"table\n"
		"hotinject: game (4242): libworker.so is not open yet; it is "
		"watched until the host opens it\n"
		"hotinject: libworker.so is empty; waiting for the next "
		"write\n"
		"hotinject: libworker.so #4 waits: thread 4250 has been in "
		"frame_loop() (worker.c:88) for 0.5 s\n"
		"hotinject: libworker.so #4 waits: thread 4250 has been in "
		"game::update(float, int) for 1.5 s\n"
		"hotinject: host 4242 has ended with status 3\n");
	done(&scene);
}
END_TEST

START_TEST(quiet_leaves_errors_only)
{
	struct hi_report_live live = example_live();
	struct hi_err err = { .sentence = "x failed", .hint = "try y" };
	struct scene scene;

	begin(&scene, (struct hi_options){ .quiet = true, .verbose = 1 });
	hi_report_ready(scene.report, "game", 1, "libworker.so", 12);
	hi_report_absent(scene.report, "game", 1, "libworker.so");
	hi_report_live(scene.report, &live);
	hi_report_ignored(scene.report, 1, "libworker.so", "x");
	hi_report_waiting(scene.report, 1, "libworker.so", 4, 2, "f", "", 1);
	hi_report_note(scene.report, "x");
	hi_report_detail(scene.report, "x");
	hi_report_exit(scene.report, 1, 0);
	hi_report_error(scene.report, &err);
	look(&scene);
	ck_assert_str_eq(scene.said, "hotinject: x failed\nhint: try y\n");
	done(&scene);
}
END_TEST

START_TEST(details_are_said_only_when_asked_for)
{
	struct scene scene;

	begin(&scene, (struct hi_options){ 0 });
	hi_report_note(scene.report, "a %d", 1);
	hi_report_detail(scene.report, "b");
	look(&scene);
	ck_assert_str_eq(scene.said, "hotinject: a 1\n");
	done(&scene);
}
END_TEST

START_TEST(foreign_text_cannot_break_a_line_or_steer_the_terminal)
{
	struct scene scene;

	begin(&scene, (struct hi_options){ 0 });
	hi_report_note(scene.report, "%s", "a\nb\033[2Jc\177");
	look(&scene);
	ck_assert_str_eq(scene.said, "hotinject: a?b?[2Jc?\n");
	done(&scene);
}
END_TEST

START_TEST(color_is_for_those_who_asked)
{
	struct hi_report_live live = example_live();
	struct scene scene;

	setenv("NO_COLOR", "1", 1);
	live.state_known = false;
	begin(&scene, (struct hi_options){ .color = HI_COLOR_ALWAYS });
	hi_report_live(scene.report, &live);
	look(&scene);
	ck_assert_str_eq(scene.said,
			 "hotinject: \033[1mlibworker.so #2\033[0m "
			 "\033[1;32mlive\033[0m: update changed, 11 same; "
			 "state fresh (1.9 ms, paused 41 us)\n");
	done(&scene);
}
END_TEST

/* What a reporter says to a terminal in MODE. */
static void say_to_terminal(tcflag_t output_flags, const char *expected)
{
	struct hi_options options = { 0 };
	struct hi_report *report;
	struct hi_err err;
	struct termios mode;
	char text[200] = "";
	int old_stderr = dup(STDERR_FILENO);
	int master, slave;

	ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
	tcgetattr(slave, &mode);
	mode.c_oflag = output_flags;
	tcsetattr(slave, TCSANOW, &mode);
	dup2(slave, STDERR_FILENO);
	ck_assert_int_eq(hi_report_new(&options, &report, &err), 0);
	hi_report_waiting(report, 1, "w.so", 4, 2, "f", "", 1500000000);
	dup2(old_stderr, STDERR_FILENO);
	hi_report_free(report);
	ck_assert_int_gt(read(master, text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, expected);
	close(old_stderr);
	close(slave);
	close(master);
}

START_TEST(a_terminal_gets_color_unless_no_color_is_set)
{
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	say_to_terminal(OPOST, "hotinject: \033[1mw.so #4\033[0m "
			       "\033[1;33mwaits\033[0m: thread 2 has been in "
			       "f() for 1.5 s\n");
	setenv("NO_COLOR", "1", 1);
	say_to_terminal(OPOST, "hotinject: w.so #4 waits: thread 2 has been "
			       "in f() for 1.5 s\n");
}
END_TEST

START_TEST(a_raw_terminal_gets_its_carriage_returned)
{
	setenv("NO_COLOR", "1", 1);
	say_to_terminal(0, "hotinject: w.so #4 waits: thread 2 has been in "
			   "f() for 1.5 s\r\n");
}
END_TEST

/* LINE of the events without its time, which is checked for its form. */
static void ck_assert_event(char **events, const char *expected)
{
	char *line = strsep(events, "\n");
	char *time_text = line ? strstr(line, "\"time\":\"") : NULL;
	const char *form = "dddd-dd-ddTdd:dd:dd.dddZ\",";

	ck_assert_ptr_nonnull(time_text);
	for (size_t i = 0; form[i]; i++) {
		char byte = time_text[8 + i];

		if (form[i] == 'd')
			ck_assert(byte >= '0' && byte <= '9');
		else
			ck_assert_int_eq(byte, form[i]);
	}
	memmove(time_text, time_text + 8 + strlen(form),
		strlen(time_text + 8 + strlen(form)) + 1);
	ck_assert_str_eq(line, expected);
}

START_TEST(events_have_their_keys_in_order)
{
	static const struct hi_reason reason = { "parameter-type",
						 "_ZN4game6updateEfi",
						 "parameter 2 changed",
						 "worker.c:12" };
	struct hi_report_live live = example_live();
	struct hi_err err = { .sentence = "x failed", .hint = "try y" };
	struct scene scene;
	char *events;

	begin(&scene, (struct hi_options){ .quiet = true });
	hi_report_ready(scene.report, "game", 4242, "a/libworker.so", 12);
	hi_report_live(scene.report, &live);
	hi_report_refused(scene.report, 4242, "libworker.so", 3, false, &reason,
			  1, "");
	hi_report_waiting(scene.report, 4242, "libworker.so", 4, 4250,
			  "frame_loop", "worker.c:88", 500000000);
	hi_report_error(scene.report, &err);
	hi_report_exit(scene.report, 4242, 0);
	look(&scene);
	events = scene.events;
	ck_assert_event(&events,
			"{\"event\":\"ready\",\"pid\":4242,\"worker\":"
			"\"libworker.so\",\"build\":1,\"functions\":12}");
	ck_assert_event(
		&events,
		"{\"event\":\"live\",\"pid\":4242,\"worker\":\"libworker.so\","
		"\"build\":2,\"changed\":[\"update\"],\"added\":[],"
		"\"removed\":[],\"state\":{\"kept\":7,\"new\":1,\"migrated\":"
		"0,\"reset\":0},\"latency_ms\":1.9,\"pause_us\":41,\"busy\":"
		"false,\"same\":11,\"bypassed\":[],\"parted\":[],\"initial\":[]}");
	ck_assert_event(&events,
			"{\"event\":\"refused\",\"pid\":4242,\"worker\":"
			"\"libworker.so\",\"build\":3,\"reasons\":[{\"kind\":"
			"\"parameter-type\",\"symbol\":\"_ZN4game6updateEfi\","
			"\"text\":\"parameter 2 changed\",\"where\":"
			"\"worker.c:12\"}],\"hint\":\"\"}");
	ck_assert_event(&events,
			"{\"event\":\"waiting\",\"pid\":4242,\"worker\":"
			"\"libworker.so\",\"build\":4,\"thread\":4250,"
			"\"function\":\"frame_loop\",\"where\":\"worker.c:88\","
			"\"since_ms\":500}");
	ck_assert_event(&events, "{\"event\":\"error\",\"text\":\"x failed\","
				 "\"hint\":\"try y\"}");
	ck_assert_event(&events, "{\"event\":\"exit\",\"pid\":4242,"
				 "\"status\":0}");
	ck_assert_str_eq(events, "");
	done(&scene);
}
END_TEST

START_TEST(events_are_appended_and_any_bytes_make_valid_json)
{
	struct scene scene;
	json_t *event;
	char *second;

	begin(&scene, (struct hi_options){ 0 });
	hi_report_absent(scene.report, "game", 1, "a\xff\"\n.so");
	hi_report_free(scene.report);
	ck_assert_int_eq(hi_report_new(&scene.options, &scene.report, NULL), 0);
	hi_report_exit(scene.report, 1, 0);
	look(&scene);
	second = strchr(scene.events, '\n') + 1;
	ck_assert_int_eq(strncmp(second, "{\"event\":\"exit\"", 15), 0);
	second[-1] = '\0';
	event = json_loads(scene.events, 0, NULL);
	ck_assert_ptr_nonnull(event);
	ck_assert_str_eq(json_string_value(json_object_get(event, "worker")),
			 "a\xef\xbf\xbd\"\n.so");
	json_decref(event);
	done(&scene);
}
END_TEST

START_TEST(an_events_file_that_cannot_be_opened_is_an_error)
{
	struct hi_options options = { .events = "/nowhere/events" };
	struct hi_report *report = NULL;
	struct hi_err err;

	ck_assert_int_eq(hi_report_new(&options, &report, &err), HI_E_SYS);
	ck_assert_str_eq(err.sentence, "events cannot be written to "
				       "/nowhere/events: No such file or "
				       "directory");
	ck_assert_ptr_null(report);
}
END_TEST

START_TEST(a_full_disk_is_told_once)
{
	struct scene scene;

	begin(&scene, (struct hi_options){ .events = "/dev/full" });
	hi_report_exit(scene.report, 1, 0);
	hi_report_exit(scene.report, 1, 0);
	look(&scene);
	ck_assert_str_eq(scene.said, "hotinject: no more events are written to "
				     "/dev/full: No space left on device\n");
	done(&scene);
}
END_TEST

START_TEST(a_reader_that_is_gone_ends_nothing)
{
	struct scene scene;
	int old_stdout = dup(STDOUT_FILENO);
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[0]);
	close(ends[1]);
	begin(&scene, (struct hi_options){ .events = "-" });
	dup2(old_stdout, STDOUT_FILENO);
	hi_report_exit(scene.report, 1, 0);
	look(&scene);
	ck_assert_str_eq(scene.said, "hotinject: no more events are written to "
				     "standard output: Broken pipe\n");
	close(old_stdout);
	done(&scene);
}
END_TEST

START_TEST(durations_have_fitting_units)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0 us" },
		{ 41499, "41 us" },
		{ 999499, "999 us" },
		{ 999500, "1.0 ms" },
		{ 1912345, "1.9 ms" },
		{ 99949999, "99.9 ms" },
		{ 99950000, "100 ms" },
		{ 120000000, "120 ms" },
		{ 499499999, "499 ms" },
		{ 499500000, "0.5 s" },
		{ 1500000000, "1.5 s" },
		{ 99949999999, "99.9 s" },
		{ 120000000000, "120 s" },
		{ UINT64_MAX, "18446744074 s" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hi_buf buf = HI_BUF_INIT;

		hi_phrase_duration(&buf, cases[i].ns);
		ck_assert_str_eq(hi_buf_str(&buf), cases[i].text);
		hi_buf_done(&buf);
	}
}
END_TEST

START_TEST(names_read_as_in_their_source)
{
	static const char *const cases[][2] = {
		{ "update", "update" },
		{ "_ZN4game6updateEfi", "game::update(float, int)" },
		{ "_ZN4core3fmt5Write17h0123456789abcdefE",
		  "core::fmt::Write" },
		{ "_ZN4core3fmt5Write17h0123456789abcdEgE",
		  "core::fmt::Write::h0123456789abcdEg" },
		{ "_ZN4plug5start28_$u7b$$u7b$closure$u7d$$u7d$"
		  "17h0123456789abcdefE",
		  "plug::start::{{closure}}" },
		{ "_ZN4core3ptr30drop_in_place$LT$plug..Job$GT$"
		  "17h0123456789abcdefE",
		  "core::ptr::drop_in_place<plug::Job>" },
		{ "_Z!", "_Z!" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = hi_demangle(cases[i][0]);

		ck_assert_str_eq(text, cases[i][1]);
		free(text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report");
	TCase *tc = tcase_create("report");

	tcase_add_test(tc, a_live_build_says_what_changed_and_how_long_it_took);
	tcase_add_test(tc, groups_are_joined_and_long_lists_are_cut);
	tcase_add_test(tc, a_build_with_other_data_only_says_so);
	tcase_add_test(tc, fresh_state_and_a_busy_worker_are_told);
	tcase_add_test(tc, bypassed_functions_get_a_line_of_their_own);
	tcase_add_test(tc, a_refusal_gives_every_reason_and_then_the_hint);
	tcase_add_test(tc, the_start_and_the_waiting_are_told);
	tcase_add_test(tc, quiet_leaves_errors_only);
	tcase_add_test(tc, details_are_said_only_when_asked_for);
	tcase_add_test(tc,
		       foreign_text_cannot_break_a_line_or_steer_the_terminal);
	tcase_add_test(tc, color_is_for_those_who_asked);
	tcase_add_test(tc, a_terminal_gets_color_unless_no_color_is_set);
	tcase_add_test(tc, a_raw_terminal_gets_its_carriage_returned);
	tcase_add_test(tc, events_have_their_keys_in_order);
	tcase_add_test(tc, events_are_appended_and_any_bytes_make_valid_json);
	tcase_add_test(tc, an_events_file_that_cannot_be_opened_is_an_error);
	tcase_add_test(tc, a_full_disk_is_told_once);
	tcase_add_test(tc, a_reader_that_is_gone_ends_nothing);
	tcase_add_test(tc, durations_have_fitting_units);
	tcase_add_test(tc, names_read_as_in_their_source);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
