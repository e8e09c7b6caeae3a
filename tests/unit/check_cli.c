#include "injector/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fixture.h"

#define WORDS_MAX 24

/* argv from LINE, split at blanks; lives until the next call. */
static int split(const char *line, char *argv[WORDS_MAX])
{
	static char copy[256];
	char *rest = NULL;
	int argc = 0;

	ck_assert_uint_lt(strlen(line), sizeof(copy));
	memcpy(copy, line, strlen(line) + 1);
	for (char *word = strtok_r(copy, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
	return argc;
}

static struct hi_options parse(const char *line)
{
	char *argv[WORDS_MAX];
	int argc = split(line, argv);
	struct hi_options options;
	struct hi_err err;

	if (hi_cli_parse(argc, argv, &options, &err) < 0)
		ck_abort_msg("%s: %s", line, err.sentence);
	return options;
}

static void refuse(const char *line, const char *sentence)
{
	char *argv[WORDS_MAX];
	int argc = split(line, argv);
	struct hi_options options = { .n_workers = 77 };
	struct hi_err err;

	ck_assert_int_eq(hi_cli_parse(argc, argv, &options, &err), HI_E_USAGE);
	ck_assert_str_eq(err.sentence, sentence);
	ck_assert_str_eq(err.hint, "see 'hotinject --help'");
	ck_assert_uint_eq(options.n_workers, 77);
}

START_TEST(host_and_workers_are_told_apart)
{
	struct hi_options options = parse("hotinject ./game a.so b.so");

	ck_assert_int_eq(options.action, HI_CLI_RUN);
	ck_assert_str_eq(options.host, "./game");
	ck_assert_uint_eq(options.n_workers, 2);
	ck_assert_str_eq(options.workers[0], "a.so");
	ck_assert_str_eq(options.workers[1], "b.so");
	ck_assert_str_eq(options.host_argv[0], "./game");
	ck_assert_ptr_null(options.host_argv[1]);
	hi_options_done(&options);
}
END_TEST

START_TEST(what_is_not_said_has_its_default)
{
	struct hi_options options = parse("hotinject game a.so");

	ck_assert_int_eq(options.on_drift, HI_DRIFT_REFUSE);
	ck_assert_int_eq(options.state, HI_STATE_KEEP);
	ck_assert_int_eq(options.busy, HI_BUSY_SWAP);
	ck_assert_uint_eq(options.wait_ms, 500);
	ck_assert_ptr_null(options.events);
	ck_assert_int_eq(options.color, HI_COLOR_AUTO);
	ck_assert(!options.quiet);
	ck_assert_uint_eq(options.verbose, 0);
	hi_options_done(&options);
}
END_TEST

START_TEST(everything_behind_two_dashes_is_the_hosts)
{
	struct hi_options options =
		parse("hotinject game a.so -- -v --wait=x -- c.so");

	ck_assert_uint_eq(options.verbose, 0);
	ck_assert_uint_eq(options.n_workers, 1);
	ck_assert_str_eq(options.host_argv[0], "game");
	ck_assert_str_eq(options.host_argv[1], "-v");
	ck_assert_str_eq(options.host_argv[2], "--wait=x");
	ck_assert_str_eq(options.host_argv[3], "--");
	ck_assert_str_eq(options.host_argv[4], "c.so");
	ck_assert_ptr_null(options.host_argv[5]);
	hi_options_done(&options);
}
END_TEST

START_TEST(options_may_stand_anywhere_before_two_dashes)
{
	struct hi_options options =
		parse("hotinject --wait 20 game -v a.so --state=fresh b.so "
		      "--busy defer --on-drift=accept --events - "
		      "--color=never -vq");

	ck_assert_uint_eq(options.wait_ms, 20);
	ck_assert_int_eq(options.state, HI_STATE_FRESH);
	ck_assert_int_eq(options.busy, HI_BUSY_DEFER);
	ck_assert_int_eq(options.on_drift, HI_DRIFT_ACCEPT);
	ck_assert_str_eq(options.events, "-");
	ck_assert_int_eq(options.color, HI_COLOR_NEVER);
	ck_assert_uint_eq(options.verbose, 2);
	ck_assert(options.quiet);
	ck_assert_uint_eq(options.n_workers, 2);
	hi_options_done(&options);
}
END_TEST

START_TEST(run_is_a_command_only_as_the_first_word)
{
	struct hi_options options = parse("hotinject -q run run run");

	ck_assert_str_eq(options.host, "run");
	ck_assert_uint_eq(options.n_workers, 1);
	ck_assert_str_eq(options.workers[0], "run");
	hi_options_done(&options);
	options = parse("hotinject game run");
	ck_assert_str_eq(options.host, "game");
	ck_assert_str_eq(options.workers[0], "run");
	hi_options_done(&options);
}
END_TEST

START_TEST(a_first_word_that_names_a_command_is_one_and_has_what_follows)
{
	struct hi_options options =
		parse("hotinject -q gdb 4242 -batch --no-such-option");

	ck_assert_int_eq(options.action, HI_CLI_COMMAND);
	ck_assert_int_eq(options.command->id, HI_COMMAND_GDB);
	ck_assert_str_eq(options.command_words[0], "4242");
	ck_assert_str_eq(options.command_words[2], "--no-such-option");
	ck_assert_ptr_null(options.command_words[3]);
	hi_options_done(&options);
	options = parse("hotinject set");
	ck_assert_int_eq(options.command->id, HI_COMMAND_SET);
	ck_assert_ptr_null(options.command_words[0]);
	hi_options_done(&options);
	options = parse("hotinject run status gdb");
	ck_assert_int_eq(options.action, HI_CLI_RUN);
	ck_assert_str_eq(options.host, "status");
	ck_assert_str_eq(options.workers[0], "gdb");
	hi_options_done(&options);
	options = parse("hotinject ./status a.so detach");
	ck_assert_str_eq(options.host, "./status");
	ck_assert_str_eq(options.workers[1], "detach");
	hi_options_done(&options);
}
END_TEST

START_TEST(help_and_version_need_no_host)
{
	struct hi_options options = parse("hotinject --help");

	ck_assert_int_eq(options.action, HI_CLI_HELP);
	hi_options_done(&options);
	options = parse("hotinject --version --no-such-thing");
	ck_assert_int_eq(options.action, HI_CLI_VERSION);
	hi_options_done(&options);
}
END_TEST

START_TEST(missing_words_are_named)
{
	refuse("hotinject", "no host is named");
	refuse("hotinject run", "no host is named");
	refuse("hotinject -- game a.so", "no host is named");
	refuse("hotinject game", "no worker is named for host 'game'");
	refuse("hotinject game -- a.so", "no worker is named for host 'game'");
}
END_TEST

START_TEST(a_process_takes_the_place_of_the_host)
{
	struct hi_options options = parse("hotinject a.so --pid=42 b.so");

	ck_assert_int_eq(options.pid, 42);
	ck_assert_ptr_null(options.host);
	ck_assert_uint_eq(options.n_workers, 2);
	ck_assert_str_eq(options.workers[0], "a.so");
	ck_assert_str_eq(options.workers[1], "b.so");
	hi_options_done(&options);
	options = parse("hotinject -p 7 a.so");
	ck_assert_int_eq(options.pid, 7);
	hi_options_done(&options);
	refuse("hotinject --pid=7", "no worker is named for process 7");
	refuse("hotinject --pid=7 a.so -- b",
	       "process 7 runs already: it takes no arguments");
	refuse("hotinject --pid=game a.so",
	       "--pid needs the number of a process, not 'game'");
	refuse("hotinject --pid=-1 a.so",
	       "--pid needs the number of a process, not '-1'");
}
END_TEST

START_TEST(many_processes_take_the_place_of_the_host)
{
	struct hi_options options =
		parse("hotinject a.so --pid=42 --pid 7 -p42 b.so");

	ck_assert(options.attach);
	ck_assert_int_eq(options.pid, 0);
	ck_assert_uint_eq(options.n_pids, 2);
	ck_assert_int_eq(options.pids[0], 42);
	ck_assert_int_eq(options.pids[1], 7);
	ck_assert_uint_eq(options.n_workers, 2);
	hi_options_done(&options);
	options = parse("hotinject --name=game --pid=7 a.so");
	ck_assert(options.attach);
	ck_assert_int_eq(options.pid, 0);
	ck_assert_str_eq(options.name, "game");
	ck_assert_ptr_null(options.host);
	ck_assert_str_eq(options.workers[0], "a.so");
	hi_options_done(&options);
	options = parse("hotinject --all a.so");
	ck_assert(options.attach && options.all);
	hi_options_done(&options);
	refuse("hotinject --all", "no worker is named for hosts that run");
	refuse("hotinject --name=x a.so -- b",
	       "the hosts run already: they take no arguments");
	refuse("hotinject --name= a.so", "--name needs the name of a program");
}
END_TEST

START_TEST(unknown_options_are_named)
{
	refuse("hotinject --gaurd=hold game a.so", "unknown option '--gaurd'");
	refuse("hotinject game --wai=3 a.so", "unknown option '--wai'");
	refuse("hotinject -qx game a.so", "unknown option '-x'");
	refuse("hotinject -P 12 a.so", "unknown option '-P'");
}
END_TEST

START_TEST(values_are_checked)
{
	const char *wait = "--wait needs a number of milliseconds from 0 to "
			   "3600000, not '%s'";
	const char *const bad[] = {
		"x",    "-1",   "+1", "3600001",
		"10ms", "0x10", "",   "99999999999999999999"
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char line[100];
		char sentence[200];

		snprintf(line, sizeof(line), "hotinject --wait=%s game a.so",
			 bad[i]);
		snprintf(sentence, sizeof(sentence), wait, bad[i]);
		refuse(line, sentence);
	}
	refuse("hotinject --on-drift=no game a.so",
	       "--on-drift is refuse, warn or accept, not 'no'");
	refuse("hotinject --state= game a.so",
	       "--state is keep or fresh, not ''");
	refuse("hotinject --busy=wait game a.so",
	       "--busy is swap or defer, not 'wait'");
	refuse("hotinject --color=red game a.so",
	       "--color is auto, always or never, not 'red'");
	refuse("hotinject --events= game a.so",
	       "--events needs the name of a file");
	refuse("hotinject game a.so --wait",
	       "option '--wait' needs a value: MS");
	refuse("hotinject --quiet=1 game a.so",
	       "option '--quiet' takes no value");
}
END_TEST

START_TEST(the_longest_and_the_shortest_wait_are_taken)
{
	struct hi_options options = parse("hotinject --wait=3600000 game a.so");

	ck_assert_uint_eq(options.wait_ms, 3600000);
	hi_options_done(&options);
	options = parse("hotinject --wait=0 game a.so");
	ck_assert_uint_eq(options.wait_ms, 0);
	hi_options_done(&options);
}
END_TEST

/* The text is looked for in help, which is printed from the same table, and in
   the manual page, which is not. */
struct look {
	const char *help;
	const char *manual; /* NULL when it cannot be read */
	size_t n_options;
};

static void look_for(void *context, char short_name, const char *long_name,
		     const char *argument)
{
	struct look *look = context;
	char text[100];

	look->n_options++;
	snprintf(text, sizeof(text), "--%s%s%s\n", long_name,
		 argument ? "=" : "", argument ? argument : "");
	ck_assert_msg(strstr(look->help, text), "help lacks %s", text);
	if (short_name) {
		snprintf(text, sizeof(text), "-%c, --%s", short_name,
			 long_name);
		ck_assert_msg(strstr(look->help, text), "help lacks %s", text);
	}
	/* mdoc: ".It Fl v , Fl -verbose" */
	snprintf(text, sizeof(text), "Fl -%s", long_name);
	if (look->manual)
		ck_assert_msg(strstr(look->manual, text),
			      "the manual page lacks --%s", long_name);
}

/* What is not in this version is in neither. */
static void look_for_command(const struct look *look,
			     const struct hi_command *command)
{
	char in_help[100], in_manual[100];

	snprintf(in_help, sizeof(in_help), "\n  %s %s\n", command->name,
		 command->arguments);
	ck_assert_msg(!strstr(look->help, in_help) == !command->help,
		      "help and %s", command->name);
	/* mdoc: ".It Cm gdb Oo" */
	snprintf(in_manual, sizeof(in_manual), ".It Cm %s O", command->name);
	if (look->manual && command->id != HI_COMMAND_RUN)
		ck_assert_msg(!strstr(look->manual, in_manual) ==
				      !command->help,
			      "the manual page and %s", command->name);
}

START_TEST(each_option_and_command_is_in_help_and_in_the_manual)
{
	struct look look = { 0 };
	char *help = NULL;
	size_t help_len = 0;
	size_t manual_len = 0;
	FILE *out = open_memstream(&help, &help_len);
	unsigned char *manual = NULL;

	hi_cli_help(out);
	fclose(out);
	if (access("man/hotinject.1", R_OK) == 0) {
		unsigned char *bytes =
			hi_fixture_read("man/hotinject.1", &manual_len);

		manual = calloc(1, manual_len + 1);
		memcpy(manual, bytes, manual_len);
		free(bytes);
	}
	look.help = help;
	look.manual = (const char *)manual;
	hi_cli_visit(look_for, &look);
	ck_assert_uint_ge(look.n_options, 10);
	for (size_t i = 0; hi_commands_get(i); i++)
		look_for_command(&look, hi_commands_get(i));
	free(manual);
	free(help);
}
END_TEST

START_TEST(lines_of_help_fit_a_terminal)
{
	char *help = NULL;
	char *rest = NULL;
	size_t help_len = 0;
	FILE *out = open_memstream(&help, &help_len);

	hi_cli_help(out);
	fclose(out);
	for (char *line = strtok_r(help, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		ck_assert_msg(strlen(line) <= 79, "%s", line);
	free(help);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli");
	TCase *tc = tcase_create("cli");

	tcase_add_test(tc, host_and_workers_are_told_apart);
	tcase_add_test(tc, what_is_not_said_has_its_default);
	tcase_add_test(tc, everything_behind_two_dashes_is_the_hosts);
	tcase_add_test(tc, options_may_stand_anywhere_before_two_dashes);
	tcase_add_test(tc, run_is_a_command_only_as_the_first_word);
	tcase_add_test(
		tc,
		a_first_word_that_names_a_command_is_one_and_has_what_follows);
	tcase_add_test(tc, help_and_version_need_no_host);
	tcase_add_test(tc, missing_words_are_named);
	tcase_add_test(tc, a_process_takes_the_place_of_the_host);
	tcase_add_test(tc, many_processes_take_the_place_of_the_host);
	tcase_add_test(tc, unknown_options_are_named);
	tcase_add_test(tc, values_are_checked);
	tcase_add_test(tc, the_longest_and_the_shortest_wait_are_taken);
	tcase_add_test(tc,
		       each_option_and_command_is_in_help_and_in_the_manual);
	tcase_add_test(tc, lines_of_help_fit_a_terminal);
	suite_add_tcase(suite, tc);
	return hi_fixture_main(suite);
}
