/*
 * cli - the command line: one table of options, from which parsing and --help
 * both come.
 *
 * Ownership: strings point into argv; the arrays of a parsed command line are
 *            released by hi_options_done().
 * Errors:    HI_E_USAGE with a sentence and the hint to see --help; HI_E_NOMEM.
 */
#ifndef HI_INJECTOR_CLI_H
#define HI_INJECTOR_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/err.h"
#include "injector/commands.h"

enum hi_on_drift { HI_DRIFT_REFUSE, HI_DRIFT_WARN, HI_DRIFT_ACCEPT };
enum hi_state_mode { HI_STATE_KEEP, HI_STATE_FRESH };
enum hi_busy_mode { HI_BUSY_SWAP, HI_BUSY_DEFER };
enum hi_guard_mode { HI_GUARD_HOLD, HI_GUARD_ROLLBACK, HI_GUARD_OFF };
enum hi_color { HI_COLOR_AUTO, HI_COLOR_ALWAYS, HI_COLOR_NEVER };
enum hi_cli_action { HI_CLI_RUN, HI_CLI_HELP, HI_CLI_VERSION, HI_CLI_COMMAND };

#define HI_VERSION "0.1.0"

struct hi_options {
	enum hi_cli_action action;
	const struct hi_command *command; /* HI_CLI_COMMAND; its words ... */
	char **command_words;             /* ... in argv, NULL-terminated */
	char *host;  /* as given; NULL for hosts that run already */
	bool attach; /* to hosts that run already */
	pid_t pid;   /* of a running host; 0 when there may be many */
	pid_t *pids; /* n_pids of --pid; owned */
	size_t n_pids;
	const char *name; /* of the programs, or NULL */
	bool all;         /* every process that has the worker */
	char **workers;   /* n_workers of them; the array is owned */
	size_t n_workers;
	char **host_argv;   /* host and its arguments, NULL-terminated; owned:
				   hi_options_done() */
	const char *build;  /* a command for sh(1), or NULL */
	const char **watch; /* n_watch folders; the array is owned */
	size_t n_watch;
	enum hi_on_drift on_drift;
	enum hi_state_mode state;
	enum hi_busy_mode busy;
	enum hi_guard_mode guard;
	unsigned int hang_s; /* a thread may keep a build waiting; 0: for ever */
	unsigned int wait_ms; /* default 500 */
	const char *events;   /* file, "-", or NULL */
	enum hi_color color;
	bool dry_run; /* judge builds, load none */
	bool quiet;
	unsigned int verbose;
};

/*
 * Read the command line. Words before "--" are options, HOST and WORKERs, in any
 * mixture; what follows it is the host's. --help and --version end the reading:
 * what would be wrong behind them is not looked at. So does a first word that is the
 * name of a command: what follows is the command's.
 */
int hi_cli_parse(int argc, char **argv, struct hi_options *ret_options,
		 struct hi_err *err) HI_MUST_USE;
void hi_options_done(struct hi_options *options);
void hi_cli_help(FILE *out);

/*
 * Call VISIT for each option of the table: SHORT_NAME is 0 and ARGUMENT is NULL
 * where there is none.
 */
void hi_cli_visit(void (*visit)(void *context, char short_name,
				const char *long_name, const char *argument),
		  void *context);

#endif
