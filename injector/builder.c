#include "injector/builder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/own.h"
#include "injector/await.h"
#include "injector/clock.h"
#include "injector/program.h"
#include "injector/sources.h"

/* An editor that saves all its files does so one after the other. */
#define QUIET_NS (20 * HI_NS_PER_MS)

/* What is kept of the output: the first errors are those that count. */
#define OUTPUT_MAX (64UL << 10)

struct builder {
	const struct hi_options *options;
	struct hi_report *report;
	struct hi_sources *sources;
	unsigned int n_runs; /* of the command */
	uint64_t due_ns; /* when the command is to be run; 0: nothing changed */
	/* the command, while it runs */
	pid_t pid; /* 0: it does not */
	int pid_fd, output_fd;
	uint64_t since_ns;
	struct hi_buf output;
	size_t n_cut; /* bytes that were not kept */
};

/* --- the command ------------------------------------------------------------------ */

static _Noreturn void run_command(const char *command, int output_fd)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				       SIGPIPE };
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	dup2(null, STDIN_FILENO);
	dup2(output_fd, STDOUT_FILENO);
	dup2(output_fd, STDERR_FILENO);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(HI_EXIT_NOT_FOUND);
}

static void start_command(struct builder *builder)
{
	int ends[2] = { -1, -1 };
	struct hi_err err = { 0 };
	pid_t pid = -1;

	builder->due_ns = 0;
	builder->since_ns = hi_clock_ns();
	if (pipe2(ends, O_CLOEXEC) == 0)
		pid = fork();
	if (pid == 0)
		run_command(builder->options->build, ends[1]);
	if (ends[1] >= 0)
		close(ends[1]);
	if (pid < 0) {
		hi_fail_sys(&err, "'%s' cannot be run",
			    builder->options->build);
		hi_report_error(builder->report, &err);
		if (ends[0] >= 0)
			close(ends[0]);
		return;
	}
	/* the same in both, whichever is first */
	setpgid(pid, pid);
	(void)!fcntl(ends[0], F_SETFL, O_NONBLOCK);
	builder->pid = pid;
	builder->n_runs++;
	builder->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	builder->output_fd = ends[0];
	builder->n_cut = 0;
	hi_buf_clear(&builder->output);
}

static void read_output(struct builder *builder)
{
	char bytes[4096];
	ssize_t len;

	while (builder->output_fd >= 0 &&
	       (len = read(builder->output_fd, bytes, sizeof(bytes))) != 0) {
		size_t room = OUTPUT_MAX - builder->output.len;
		size_t n = len < 0 ? 0 : (size_t)len;

		if (len < 0 && errno != EINTR)
			return;
		hi_buf_add(&builder->output, bytes, n < room ? n : room);
		builder->n_cut += n < room ? 0 : n - room;
	}
	if (builder->output_fd >= 0)
		close(builder->output_fd);
	builder->output_fd = -1;
}

/* What it has left running, a server of the compiler's perhaps, may still have the other
   end of its output. */
static void end_command(struct builder *builder)
{
	struct hi_report_built built = { .command = builder->options->build };
	int status = 0;

	if (waitpid(builder->pid, &status, WNOHANG) <= 0)
		return;
	read_output(builder);
	if (builder->output_fd >= 0)
		close(builder->output_fd);
	if (builder->pid_fd >= 0)
		close(builder->pid_fd);
	builder->output_fd = builder->pid_fd = -1;
	builder->pid = 0;
	built.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
					     WEXITSTATUS(status);
	built.took_ns = hi_clock_ns() - builder->since_ns;
	built.output = hi_buf_str(&builder->output);
	built.n_cut = builder->n_cut;
	hi_report_built(builder->report, &built);
}

/* --- the process -------------------------------------------------------------------- */

static int get_timeout_ms(const struct builder *builder)
{
	uint64_t now = hi_clock_ns();

	/* without a descriptor of its process, its end is looked for */
	if (builder->pid)
		return builder->pid_fd >= 0 ? -1 : 100;
	if (!builder->due_ns)
		return -1;
	return builder->due_ns <= now ?
		       0 :
		       (int)((builder->due_ns - now) / HI_NS_PER_MS) + 1;
}

static void read_sources(struct builder *builder)
{
	struct hi_err err = { 0 };
	unsigned int run = builder->pid ? builder->n_runs : 0;
	int changed = hi_sources_read(builder->sources, run, &err);

	if (changed < 0) {
		hi_report_error(builder->report, &err);
		changed = hi_sources_read(builder->sources, run, &err);
	}
	if (changed > 0)
		builder->due_ns = hi_clock_ns() + QUIET_NS;
}

static void run(struct builder *builder, int leash_fd)
{
	for (;;) {
		struct pollfd fds[] = {
			{ leash_fd, POLLIN, 0 },
			{ hi_sources_get_fd(builder->sources), POLLIN, 0 },
			{ builder->output_fd, POLLIN, 0 },
			{ builder->pid_fd, POLLIN, 0 },
		};

		hi_await_news(fds, sizeof(fds) / sizeof(*fds),
			      get_timeout_ms(builder));
		if (fds[0].revents & POLLHUP)
			return;
		read_sources(builder);
		read_output(builder);
		if (builder->pid)
			end_command(builder);
		if (!builder->pid && builder->due_ns &&
		    builder->due_ns <= hi_clock_ns())
			start_command(builder);
	}
}

/* The terminal's signals are for the host; the leash tells when it is over. */
static _Noreturn void run_process(struct builder *builder, int leash_fd)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_IGN);
	run(builder, leash_fd);
	if (builder->pid)
		kill(-builder->pid, SIGTERM);
	_exit(0);
}

/* Nobody's child, so that nobody who waits for a host's processes meets it. */
static int fork_away(struct builder *builder, const int leash[2],
		     struct hi_err *err)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		close(leash[1]);
		pid = fork();
		if (pid == 0)
			run_process(builder, leash[0]);
		_exit(pid < 0 ? errno : 0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0)
		errno = WEXITSTATUS(status);
	return status == 0 ? 0 :
			     hi_fail_sys(err, "'%s' cannot be looked after",
					 builder->options->build);
}

int hi_builder_start(const struct hi_options *options, struct hi_report *report,
		     int *ret_leash_fd, struct hi_err *err)
{
	static const char *const here[] = { "." };
	struct builder builder = { .options = options,
				   .report = report,
				   .pid_fd = -1,
				   .output_fd = -1,
				   .output = HI_BUF_INIT };
	int leash[2];
	int code = hi_sources_new(options->n_watch ? options->watch : here,
				  options->n_watch ? options->n_watch : 1,
				  &builder.sources, err);

	if (code < 0)
		return code;
	if (pipe2(leash, O_CLOEXEC) < 0) {
		hi_sources_free(builder.sources);
		return hi_fail_sys(err, "'%s' cannot be looked after",
				   options->build);
	}
	code = fork_away(&builder, leash, err);
	hi_sources_free(builder.sources);
	close(leash[0]);
	if (code < 0)
		close(leash[1]);
	else
		*ret_leash_fd = leash[1];
	return code;
}
