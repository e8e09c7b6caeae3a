#include "injector/commands.h"

#include <string.h>

static const struct hi_command table[] = {
	{ HI_COMMAND_RUN, "run", "HOST WORKER...",
	  "start HOST, which may have the name of a command" },
	{ HI_COMMAND_STATUS, "status", "[PID] [--json]",
	  "what is loaded, since when, and what the last build\n"
	  "came to; without PID, of all hosts" },
	{ HI_COMMAND_HISTORY, "history", "[PID] [--json]",
	  "the builds that have come, live or refused" },
	{ HI_COMMAND_RELOAD, "reload", "[PID]",
	  "look at the worker's file now" },
	{ HI_COMMAND_ROLLBACK, "rollback", "[PID] [WORKER] [BUILD]",
	  "go back to the build before, or to any that was live" },
	{ HI_COMMAND_KICK, "kick", "[PID] [THREAD]",
	  "take a thread, or all, out of the worker: the call\n"
	  "returns zero" },
	{ HI_COMMAND_GDB, "gdb", "[PID] [GDB-ARGUMENT...]",
	  "let gdb have the host, and take it back afterwards" },
	{ HI_COMMAND_DETACH, "detach", "[PID]",
	  "let go of the host, which runs on" },
	{ HI_COMMAND_INSPECT, "inspect", "[PID] [VARIABLE]", NULL },
	{ HI_COMMAND_SET, "set", "[PID] VARIABLE=VALUE", NULL },
};

const struct hi_command *hi_commands_find(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

const struct hi_command *hi_commands_get(size_t n)
{
	return n < sizeof(table) / sizeof(table[0]) ? &table[n] : NULL;
}
