/* hotinject - the command. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/own.h"
#include "injector/builder.h"
#include "injector/cli.h"
#include "injector/command.h"
#include "injector/many.h"
#include "injector/program.h"
#include "injector/report.h"
#include "injector/session.h"

static int run(struct hi_options *options)
{
	struct hi_report *report = NULL;
	struct hi_err err = { 0 };
	int HI_CLOSE leash_fd = -1;
	int status;

	if (hi_report_new(options, &report, &err) < 0) {
		fprintf(stderr, "hotinject: %s\n", err.sentence);
		return HI_EXIT_HOTINJECT;
	}
	if (options->build &&
	    hi_builder_start(options, report, &leash_fd, &err) < 0) {
		hi_report_error(report, &err);
		hi_report_free(report);
		return HI_EXIT_HOTINJECT;
	}
	status = options->attach ? hi_many_run(options, report) :
				   hi_session_run(options, report, NULL);
	hi_report_free(report);
	return status;
}

/*
 * A standard stream that is closed stays so, for us and for the host, but no file of
 * ours may take its number: messages would go into it. O_PATH has read(2) and
 * write(2) fail with EBADF; O_CLOEXEC, because the host begins as without us.
 */
static void keep_closed_streams_closed(void)
{
	int fd;

	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct hi_options options;
	struct hi_err err = { 0 };
	int status = 0;

	keep_closed_streams_closed();
	if (hi_cli_parse(argc, argv, &options, &err) < 0) {
		fprintf(stderr, "hotinject: %s\n", err.sentence);
		if (err.hint[0])
			fprintf(stderr, "hint: %s\n", err.hint);
		return HI_EXIT_HOTINJECT;
	}
	if (options.action == HI_CLI_HELP)
		hi_cli_help(stdout);
	else if (options.action == HI_CLI_VERSION)
		puts("hotinject " HI_VERSION);
	else if (options.action == HI_CLI_COMMAND)
		status = hi_command_run(&options);
	else
		status = run(&options);
	hi_options_done(&options);
	return status;
}
