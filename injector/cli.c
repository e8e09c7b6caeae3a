#include "injector/cli.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

#define WAIT_DEFAULT_MS 500
#define WAIT_MAX_MS     3600000UL

struct option {
	char short_name;
	const char *long_name;
	const char *argument; /* its name in --help, or NULL: takes none */
	const char *help;
	int (*handle)(struct hi_options *options, const char *value,
		      struct hi_err *err);
};

static int fail_usage(struct hi_err *err)
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
	return fail_usage(err);
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
		return fail_usage(err);
	}
	options->wait_ms = (unsigned int)wait_ms;
	return 0;
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
		return fail_usage(err);
	}
	options->pid = (pid_t)pid;
	return 0;
}

static int on_events(struct hi_options *options, const char *value,
		     struct hi_err *err)
{
	if (!*value) {
		hi_fail(err, HI_E_USAGE, "--events needs the name of a file");
		return fail_usage(err);
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

static const struct option table[] = {
	{ 'p', "pid", "PID", "attach to a running host", on_pid },
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

void hi_cli_visit(void (*visit)(void *context, char short_name,
				const char *long_name, const char *argument),
		  void *context)
{
	for (size_t i = 0; i < N_TABLE; i++)
		visit(context, table[i].short_name, table[i].long_name,
		      table[i].argument);
}

static void help_option(FILE *out, const struct option *option)
{
	const char *line = option->help;

	fprintf(out, option->short_name ? "  -%c, " : "      ",
		option->short_name);
	fprintf(out, "--%s%s%s\n", option->long_name,
		option->argument ? "=" : "",
		option->argument ? option->argument : "");
	while (line && *line) {
		size_t len = strcspn(line, "\n");

		fprintf(out, "          %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

void hi_cli_help(FILE *out)
{
	fputs("usage: hotinject [OPTION...] HOST WORKER... "
	      "[-- HOST-ARGUMENT...]\n"
	      "       hotinject run [OPTION...] HOST WORKER... "
	      "[-- HOST-ARGUMENT...]\n"
	      "       hotinject [OPTION...] --pid=PID WORKER...\n"
	      "\n"
	      "Start HOST, an unmodified program, and whenever a WORKER, a "
	      "shared library\n"
	      "that it uses, is rebuilt, let the running host call the new "
	      "code.\n"
	      "\n"
	      "options:\n",
	      out);
	for (size_t i = 0; i < N_TABLE; i++)
		help_option(out, &table[i]);
	fputs("\n"
	      "The exit status is the host's own (128+N when signal N ended "
	      "it); 125 when\n"
	      "hotinject itself failed, 126 when the host could not be "
	      "executed, 127 when it\n"
	      "was not found.\n",
	      out);
}

/* What is read so far; options take their values from the words behind them. */
struct reader {
	char **words;
	int n_words;
	int at; /* the next word */
	struct hi_options options;
};

static const struct option *find_long(const char *name, size_t len)
{
	for (size_t i = 0; i < N_TABLE; i++)
		if (strlen(table[i].long_name) == len &&
		    !strncmp(table[i].long_name, name, len))
			return &table[i];
	return NULL;
}

static const struct option *find_short(char name)
{
	for (size_t i = 0; i < N_TABLE; i++)
		if (table[i].short_name && table[i].short_name == name)
			return &table[i];
	return NULL;
}

/* The value of OPTION when it was not in the same word: the next word. */
static int read_value(struct reader *reader, const struct option *option,
		      const char **ret_value, struct hi_err *err)
{
	if (reader->at >= reader->n_words) {
		hi_fail(err, HI_E_USAGE, "option '--%s' needs a value: %s",
			option->long_name, option->argument);
		return fail_usage(err);
	}
	*ret_value = reader->words[reader->at++];
	return 0;
}

static int read_long(struct reader *reader, const char *word,
		     struct hi_err *err)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] ? name + len + 1 : NULL;
	const struct option *option = find_long(name, len);

	if (!option) {
		hi_fail(err, HI_E_USAGE, "unknown option '--%.*s'", (int)len,
			name);
		return fail_usage(err);
	}
	if (value && !option->argument) {
		hi_fail(err, HI_E_USAGE, "option '--%s' takes no value",
			option->long_name);
		return fail_usage(err);
	}
	if (option->argument && !value) {
		int code = read_value(reader, option, &value, err);

		if (code < 0)
			return code;
	}
	return option->handle(&reader->options, value, err);
}

/* A word of short options: "-qv"; the rest of the word may be a value. */
static int read_short(struct reader *reader, const char *word,
		      struct hi_err *err)
{
	for (const char *name = word + 1; *name; name++) {
		const struct option *option = find_short(*name);
		const char *value = NULL;
		int code = 0;

		if (!option) {
			hi_fail(err, HI_E_USAGE, "unknown option '-%c'", *name);
			return fail_usage(err);
		}
		if (option->argument) {
			value = name + 1;
			if (!*value)
				code = read_value(reader, option, &value, err);
		}
		if (code == 0)
			code = option->handle(&reader->options, value, err);
		if (code < 0 || option->argument)
			return code;
	}
	return 0;
}

static void read_plain(struct reader *reader, char *word, bool *may_be_command)
{
	struct hi_options *options = &reader->options;

	if (*may_be_command && !strcmp(word, "run")) {
		*may_be_command = false;
		return;
	}
	*may_be_command = false;
	if (!options->host)
		options->host = word;
	else
		options->workers[options->n_workers++] = word;
}

/* All words up to "--", or up to an option that asks for something else. */
static int read_words(struct reader *reader, struct hi_err *err)
{
	bool may_be_command = true;

	while (reader->at < reader->n_words &&
	       reader->options.action == HI_CLI_RUN) {
		char *word = reader->words[reader->at++];
		int code = 0;

		if (!strcmp(word, "--"))
			break;
		if (word[0] == '-' && word[1] == '-')
			code = read_long(reader, word, err);
		else if (word[0] == '-' && word[1])
			code = read_short(reader, word, err);
		else
			read_plain(reader, word, &may_be_command);
		if (code < 0)
			return code;
	}
	return 0;
}

/* With --pid, the first plain word is a worker, too. */
static void name_no_host(struct hi_options *options)
{
	if (!options->pid || !options->host)
		return;
	memmove(options->workers + 1, options->workers,
		options->n_workers * sizeof(*options->workers));
	options->workers[0] = options->host;
	options->n_workers++;
	options->host = NULL;
}

static int check_complete(const struct hi_options *options, bool has_arguments,
			  struct hi_err *err)
{
	if (options->action != HI_CLI_RUN)
		return 0;
	if (options->pid && has_arguments)
		hi_fail(err, HI_E_USAGE,
			"process %d runs already: it takes no arguments",
			options->pid);
	else if (options->pid && options->n_workers == 0)
		hi_fail(err, HI_E_USAGE, "no worker is named for process %d",
			options->pid);
	else if (options->pid)
		return 0;
	else if (!options->host)
		hi_fail(err, HI_E_USAGE, "no host is named");
	else if (options->n_workers == 0)
		hi_fail(err, HI_E_USAGE, "no worker is named for host '%s'",
			options->host);
	else
		return 0;
	return fail_usage(err);
}

int hi_cli_parse(int argc, char **argv, struct hi_options *ret_options,
		 struct hi_err *err)
{
	size_t n_words = argc > 0 ? (size_t)argc : 0;
	char **HI_FREE workers = calloc(n_words + 1, sizeof(*workers));
	char **HI_FREE host_argv = calloc(n_words + 2, sizeof(*host_argv));
	struct reader reader = {
		.words = argv,
		.n_words = argc,
		.at = 1,
		.options = { .wait_ms = WAIT_DEFAULT_MS },
	};
	size_t n_host = 1;
	int code;

	if (!workers || !host_argv)
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory while reading the command line");
	reader.options.workers = workers;
	code = read_words(&reader, err);
	if (code == 0)
		name_no_host(&reader.options);
	if (code == 0)
		code = check_complete(&reader.options,
				      reader.at < reader.n_words, err);
	if (code < 0)
		return code;
	host_argv[0] = reader.options.host;
	while (reader.at < reader.n_words)
		host_argv[n_host++] = argv[reader.at++];
	*ret_options = reader.options;
	ret_options->workers = hi_take_ptr(&workers);
	ret_options->host_argv = hi_take_ptr(&host_argv);
	return 0;
}

void hi_options_done(struct hi_options *options)
{
	free(options->workers);
	free(options->host_argv);
	memset(options, 0, sizeof(*options));
}
