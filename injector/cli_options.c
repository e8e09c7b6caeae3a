/*
 * The options: how each is called, what it takes, what it sets.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "injector/cli_parts.h"

#define WAIT_MAX_MS 3600000UL
#define HANG_MAX_S  86400UL

int hi_cli_fail_usage(struct hi_err *err)
{
	hi_err_hint(err, "see 'hotinject --help'");
	return HI_E_USAGE;
}

/* The index of VALUE in NAMES (three of them), or a failure. */
static int choose(const char *option, const char *const names[3],
		  const char *value, struct hi_err *err)
{
	for (int i = 0; i < 3; i++)
		if (names[i] && !strcmp(names[i], value))
			return i;
	if (names[2])
		hi_fail(err, HI_E_USAGE, "%s is %s, %s or %s, not '%s'", option,
			names[0], names[1], names[2], value);
	else
		hi_fail(err, HI_E_USAGE, "%s is %s or %s, not '%s'", option,
			names[0], names[1], value);
	return hi_cli_fail_usage(err);
}

static int on_drift(struct hi_options *options, const char *value,
		    struct hi_err *err)
{
	static const char *const names[3] = { "refuse", "warn", "accept" };
	int choice = choose("--on-drift", names, value, err);

	if (choice < 0)
		return choice;
	options->on_drift = (enum hi_on_drift)choice;
	return 0;
}

static int on_state(struct hi_options *options, const char *value,
		    struct hi_err *err)
{
	static const char *const names[3] = { "keep", "fresh", NULL };
	int choice = choose("--state", names, value, err);

	if (choice < 0)
		return choice;
	options->state = (enum hi_state_mode)choice;
	return 0;
}

static int on_busy(struct hi_options *options, const char *value,
		   struct hi_err *err)
{
	static const char *const names[3] = { "swap", "defer", NULL };
	int choice = choose("--busy", names, value, err);

	if (choice < 0)
		return choice;
	options->busy = (enum hi_busy_mode)choice;
	return 0;
}

static int on_guard(struct hi_options *options, const char *value,
		    struct hi_err *err)
{
	static const char *const names[3] = { "hold", "rollback", "off" };
	int choice = choose("--guard", names, value, err);

	if (choice < 0)
		return choice;
	options->guard = (enum hi_guard_mode)choice;
	return 0;
}

static int on_hang(struct hi_options *options, const char *value,
		   struct hi_err *err)
{
	char *end = NULL;
	unsigned long hang_s;

	errno = 0;
	hang_s = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)value[0]) || *end || errno || hang_s < 1 ||
	    hang_s > HANG_MAX_S) {
		hi_fail(err, HI_E_USAGE,
			"--hang needs a number of seconds from 1 to %lu, not "
			"'%s'",
			HANG_MAX_S, value);
		return hi_cli_fail_usage(err);
	}
	options->hang_s = (unsigned int)hang_s;
	return 0;
}

static int on_color(struct hi_options *options, const char *value,
		    struct hi_err *err)
{
	static const char *const names[3] = { "auto", "always", "never" };
	int choice = choose("--color", names, value, err);

	if (choice < 0)
		return choice;
	options->color = (enum hi_color)choice;
	return 0;
}

static int on_wait(struct hi_options *options, const char *value,
		   struct hi_err *err)
{
	char *end = NULL;
	unsigned long wait_ms;

	errno = 0;
	wait_ms = strtoul(value, &end, 10);
	/* strtoul() takes blanks and signs, "-1" becomes a huge number. */
	if (!isdigit((unsigned char)value[0]) || *end || errno ||
	    wait_ms > WAIT_MAX_MS) {
		hi_fail(err, HI_E_USAGE,
			"--wait needs a number of milliseconds from 0 to %lu, "
			"not '%s'",
			WAIT_MAX_MS, value);
		return hi_cli_fail_usage(err);
	}
	options->wait_ms = (unsigned int)wait_ms;
	return 0;
}

/* The same process named twice is one. There is room for every word. */
static void add_pid(struct hi_options *options, pid_t pid)
{
	size_t i = 0;

	while (i < options->n_pids && options->pids[i] != pid)
		i++;
	if (i == options->n_pids)
		options->pids[options->n_pids++] = pid;
	options->attach = true;
	options->pid = options->n_pids == 1 && !options->name && !options->all ?
			       pid :
			       0;
}

static int on_pid(struct hi_options *options, const char *value,
		  struct hi_err *err)
{
	char *end = NULL;
	long pid = strtol(value, &end, 10);

	if (!isdigit((unsigned char)value[0]) || *end || pid < 1 ||
	    pid > INT_MAX) {
		hi_fail(err, HI_E_USAGE,
			"--pid needs the number of a process, not '%s'", value);
		return hi_cli_fail_usage(err);
	}
	add_pid(options, (pid_t)pid);
	return 0;
}

static int on_name(struct hi_options *options, const char *value,
		   struct hi_err *err)
{
	if (!*value) {
		hi_fail(err, HI_E_USAGE, "--name needs the name of a program");
		return hi_cli_fail_usage(err);
	}
	options->name = value;
	options->attach = true;
	options->pid = 0;
	return 0;
}

static int on_all(struct hi_options *options, const char *value,
		  struct hi_err *err)
{
	(void)value;
	(void)err;
	options->all = true;
	options->attach = true;
	options->pid = 0;
	return 0;
}

static int on_events(struct hi_options *options, const char *value,
		     struct hi_err *err)
{
	if (!*value) {
		hi_fail(err, HI_E_USAGE, "--events needs the name of a file");
		return hi_cli_fail_usage(err);
	}
	options->events = value;
	return 0;
}

static int on_dry_run(struct hi_options *options, const char *value,
		      struct hi_err *err)
{
	(void)value;
	(void)err;
	options->dry_run = true;
	return 0;
}

static int on_quiet(struct hi_options *options, const char *value,
		    struct hi_err *err)
{
	(void)value;
	(void)err;
	options->quiet = true;
	return 0;
}

static int on_verbose(struct hi_options *options, const char *value,
		      struct hi_err *err)
{
	(void)value;
	(void)err;
	options->verbose++;
	return 0;
}

static int on_help(struct hi_options *options, const char *value,
		   struct hi_err *err)
{
	(void)value;
	(void)err;
	options->action = HI_CLI_HELP;
	return 0;
}

static int on_version(struct hi_options *options, const char *value,
		      struct hi_err *err)
{
	(void)value;
	(void)err;
	options->action = HI_CLI_VERSION;
	return 0;
}

static int on_build(struct hi_options *options, const char *value,
		    struct hi_err *err)
{
	if (!*value) {
		hi_fail(err, HI_E_USAGE, "--build needs a command");
		return hi_cli_fail_usage(err);
	}
	options->build = value;
	return 0;
}

/* There is room for every word. */
static int on_watch(struct hi_options *options, const char *value,
		    struct hi_err *err)
{
	if (!*value) {
		hi_fail(err, HI_E_USAGE, "--watch needs the name of a folder");
		return hi_cli_fail_usage(err);
	}
	options->watch[options->n_watch++] = value;
	return 0;
}

static const struct hi_option table[] = {
	{ 'p', "pid", "PID", "attach to a running host; may be repeated",
	  on_pid },
	{ 0, "name", "PROGRAM",
	  "attach to every process of this user that runs PROGRAM\n"
	  "and has the worker",
	  on_name },
	{ 0, "all", NULL,
	  "attach to every process of this user that has the\n"
	  "worker",
	  on_all },
	{ 'b', "build", "COMMAND",
	  "run COMMAND when a source has changed; the host runs on\n"
	  "whatever comes of it",
	  on_build },
	{ 'w', "watch", "DIR",
	  "where the sources are (default: the current folder); may\n"
	  "be repeated",
	  on_watch },
	{ 0, "on-drift", "refuse|warn|accept",
	  "what to do with a build that breaks what the host\n"
	  "relies on (default refuse)",
	  on_drift },
	{ 0, "state", "keep|fresh",
	  "keep the worker's variables (default) or start them\n"
	  "anew in each build",
	  on_state },
	{ 0, "wait", "MS",
	  "how long to wait until no thread is inside the worker\n"
	  "(default 500)",
	  on_wait },
	{ 0, "busy", "swap|defer",
	  "after that: swap while old calls finish (default), or\n"
	  "keep waiting",
	  on_busy },
	{ 0, "guard", "hold|rollback|off",
	  "after a crash in the worker: its function returns zero\n"
	  "until a new build arrives (default), or the last good\n"
	  "build comes back, or the host dies",
	  on_guard },
	{ 0, "hang", "SECONDS",
	  "take a thread out of the worker that has not left it so\n"
	  "long after a new build came",
	  on_hang },
	{ 0, "dry-run", NULL,
	  "say of each new build whether it would be taken; load\n"
	  "none",
	  on_dry_run },
	{ 0, "events", "FILE",
	  "append one JSON object per line for each event; '-' is\n"
	  "standard output",
	  on_events },
	{ 0, "color", "auto|always|never",
	  "color messages (default auto: on a terminal)", on_color },
	{ 'q', "quiet", NULL, "say only errors and refusals", on_quiet },
	{ 'v', "verbose", NULL, "say more; may be repeated", on_verbose },
	{ 0, "help", NULL, "show this text", on_help },
	{ 0, "version", NULL, "show the version", on_version },
};

#define N_TABLE (sizeof(table) / sizeof(table[0]))

const struct hi_option *hi_cli_get_option(size_t at)
{
	return at < N_TABLE ? &table[at] : NULL;
}

void hi_cli_visit(void (*visit)(void *context, char short_name,
				const char *long_name, const char *argument),
		  void *context)
{
	for (size_t i = 0; i < N_TABLE; i++)
		visit(context, table[i].short_name, table[i].long_name,
		      table[i].argument);
}

const struct hi_option *hi_cli_find_long(const char *name, size_t len)
{
	for (size_t i = 0; i < N_TABLE; i++)
		if (strlen(table[i].long_name) == len &&
		    !strncmp(table[i].long_name, name, len))
			return &table[i];
	return NULL;
}

const struct hi_option *hi_cli_find_short(char name)
{
	for (size_t i = 0; i < N_TABLE; i++)
		if (table[i].short_name && table[i].short_name == name)
			return &table[i];
	return NULL;
}
