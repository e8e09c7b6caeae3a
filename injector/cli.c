#include "injector/cli.h"

#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "injector/cli_parts.h"

#define WAIT_DEFAULT_MS 500

/* What is read so far; options take their values from the words behind them. */
struct reader {
	char **words;
	int n_words;
	int at; /* the next word */
	struct hi_options options;
};

/* The value of OPTION when it was not in the same word: the next word. */
static int read_value(struct reader *reader, const struct hi_option *option,
		      const char **ret_value, struct hi_err *err)
{
	if (reader->at >= reader->n_words) {
		hi_fail(err, HI_E_USAGE, "option '--%s' needs a value: %s",
			option->long_name, option->argument);
		return hi_cli_fail_usage(err);
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
	const struct hi_option *option = hi_cli_find_long(name, len);

	if (!option) {
		hi_fail(err, HI_E_USAGE, "unknown option '--%.*s'", (int)len,
			name);
		return hi_cli_fail_usage(err);
	}
	if (value && !option->argument) {
		hi_fail(err, HI_E_USAGE, "option '--%s' takes no value",
			option->long_name);
		return hi_cli_fail_usage(err);
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
		const struct hi_option *option = hi_cli_find_short(*name);
		const char *value = NULL;
		int code = 0;

		if (!option) {
			hi_fail(err, HI_E_USAGE, "unknown option '-%c'", *name);
			return hi_cli_fail_usage(err);
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
	const struct hi_command *command =
		*may_be_command ? hi_commands_find(word) : NULL;

	*may_be_command = false;
	if (command && command->id == HI_COMMAND_RUN)
		return;
	if (command) {
		options->action = HI_CLI_COMMAND;
		options->command = command;
		options->command_words = reader->words + reader->at;
	} else if (!options->host)
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

/* Where nothing is started, the first plain word is a worker, too. */
static void name_no_host(struct hi_options *options)
{
	if (!options->attach || !options->host)
		return;
	memmove(options->workers + 1, options->workers,
		options->n_workers * sizeof(*options->workers));
	options->workers[0] = options->host;
	options->n_workers++;
	options->host = NULL;
}

static void fail_runs(const struct hi_options *options, struct hi_err *err)
{
	if (options->pid)
		hi_fail(err, HI_E_USAGE,
			"process %d runs already: it takes no arguments",
			options->pid);
	else
		hi_fail(err, HI_E_USAGE,
			"the hosts run already: they take no arguments");
}

static void fail_workerless(const struct hi_options *options,
			    struct hi_err *err)
{
	if (options->pid)
		hi_fail(err, HI_E_USAGE, "no worker is named for process %d",
			options->pid);
	else
		hi_fail(err, HI_E_USAGE,
			"no worker is named for hosts that run");
}

static int check_complete(const struct hi_options *options, bool has_arguments,
			  struct hi_err *err)
{
	if (options->action != HI_CLI_RUN)
		return 0;
	if (options->n_watch && !options->build)
		hi_fail(err, HI_E_USAGE,
			"--watch names folders for --build, which is missing");
	else if (options->attach && has_arguments)
		fail_runs(options, err);
	else if (options->attach && options->n_workers == 0)
		fail_workerless(options, err);
	else if (options->attach)
		return 0;
	else if (!options->host)
		hi_fail(err, HI_E_USAGE, "no host is named");
	else if (options->n_workers == 0)
		hi_fail(err, HI_E_USAGE, "no worker is named for host '%s'",
			options->host);
	else
		return 0;
	return hi_cli_fail_usage(err);
}

int hi_cli_parse(int argc, char **argv, struct hi_options *ret_options,
		 struct hi_err *err)
{
	size_t n_words = argc > 0 ? (size_t)argc : 0;
	char **HI_FREE workers = calloc(n_words + 1, sizeof(*workers));
	char **HI_FREE host_argv = calloc(n_words + 2, sizeof(*host_argv));
	pid_t *HI_FREE pids = calloc(n_words + 1, sizeof(*pids));
	const char **HI_FREE watch = calloc(n_words + 1, sizeof(*watch));
	struct reader reader = {
		.words = argv,
		.n_words = argc,
		.at = 1,
		.options = { .wait_ms = WAIT_DEFAULT_MS },
	};
	size_t n_host = 1;
	int code;

	if (!workers || !host_argv || !pids || !watch)
		return hi_fail(err, HI_E_NOMEM,
			       "out of memory while reading the command line");
	reader.options.workers = workers;
	reader.options.pids = pids;
	reader.options.watch = watch;
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
	ret_options->pids = hi_take_ptr(&pids);
	ret_options->watch = hi_take_ptr(&watch);
	ret_options->host_argv = hi_take_ptr(&host_argv);
	return 0;
}

void hi_options_done(struct hi_options *options)
{
	free(options->workers);
	free(options->host_argv);
	free(options->pids);
	free(options->watch);
	memset(options, 0, sizeof(*options));
}
