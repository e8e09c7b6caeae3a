/*
 * commands - what can be asked of a hotinject that looks after a host: one table,
 * from which the command line, --help and the control socket take the names.
 *
 * Ownership: entries are constant.
 * Threads:   no state.
 */
#ifndef HI_INJECTOR_COMMANDS_H
#define HI_INJECTOR_COMMANDS_H

#include <stddef.h>

enum hi_command_id {
	HI_COMMAND_RUN, /* starts a host: no session is asked */
	HI_COMMAND_STATUS,
	HI_COMMAND_HISTORY,
	HI_COMMAND_RELOAD,
	HI_COMMAND_ROLLBACK,
	HI_COMMAND_KICK,
	HI_COMMAND_GDB,
	HI_COMMAND_DETACH,
	/* names that are kept free for later versions */
	HI_COMMAND_INSPECT,
	HI_COMMAND_SET,
};

struct hi_command {
	enum hi_command_id id;
	const char *name;
	const char *arguments; /* as --help shows them, or NULL */
	const char *help;      /* NULL: not in this version */
};

/* The command of this name, or NULL. */
const struct hi_command *hi_commands_find(const char *name);
/* The N-th of the table, or NULL behind the last. */
const struct hi_command *hi_commands_get(size_t n);

#endif
