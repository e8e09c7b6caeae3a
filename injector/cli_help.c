/*
 * What --help says.
 */
#include <string.h>

#include "injector/cli_parts.h"

static void help_text(FILE *out, const char *line)
{
	while (line && *line) {
		size_t len = strcspn(line, "\n");

		fprintf(out, "          %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static void help_option(FILE *out, const struct hi_option *option)
{
	fprintf(out, option->short_name ? "  -%c, " : "      ",
		option->short_name);
	fprintf(out, "--%s%s%s\n", option->long_name,
		option->argument ? "=" : "",
		option->argument ? option->argument : "");
	help_text(out, option->help);
}

static void help_commands(FILE *out)
{
	const struct hi_command *command;

	fputs("\ncommands, for a host that another hotinject looks after "
	      "(PID may be left out\nwhen there is only one):\n",
	      out);
	for (size_t i = 0; (command = hi_commands_get(i)); i++) {
		if (!command->help)
			continue;
		fprintf(out, "  %s %s\n", command->name, command->arguments);
		help_text(out, command->help);
	}
}

void hi_cli_help(FILE *out)
{
	const struct hi_option *option;

	fputs("usage: hotinject [OPTION...] HOST WORKER... "
	      "[-- HOST-ARGUMENT...]\n"
	      "       hotinject run [OPTION...] HOST WORKER... "
	      "[-- HOST-ARGUMENT...]\n"
	      "       hotinject [OPTION...] --pid=PID... | --name=PROGRAM | "
	      "--all WORKER...\n"
	      "       hotinject COMMAND [PID] [ARGUMENT...]\n"
	      "\n"
	      "Start HOST, an unmodified program, and whenever a WORKER, a "
	      "shared library\n"
	      "that it uses, is rebuilt, let the running host call the new "
	      "code.\n"
	      "\n"
	      "options:\n",
	      out);
	for (size_t i = 0; (option = hi_cli_get_option(i)); i++)
		help_option(out, option);
	help_commands(out);
	fputs("\n"
	      "The exit status is the host's own (128+N when signal N ended "
	      "it); 125 when\n"
	      "hotinject itself failed, 126 when the host could not be "
	      "executed, 127 when it\n"
	      "was not found. That of a command is 0, or 125 when it failed.\n",
	      out);
}
