#include "injector/launch.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"
#include "elfscan/image.h"
#include "injector/program.h"
#include "injector/remote.h"

#define STACK_WORDS_MAX (1 << 20)
#define STRING_MAX      (128 << 10) /* execve(2): MAX_ARG_STRLEN */

/*
 * The child waits for a byte, so that it is seized before it execs. PDEATHSIG is
 * not set: a host outlives its hotinject.
 */
static _Noreturn void run_child(int wait_fd, const char *path,
				char *const argv[], const sigset_t *mask)
{
	char byte;

	while (read(wait_fd, &byte, 1) < 0 && errno == EINTR)
		;
	close(wait_fd);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execv(path, argv);
	_exit(HI_EXIT_NO_EXEC);
}

int hi_launch(const char *path, char *const argv[], const sigset_t *mask,
	      struct hi_host **ret_host, struct hi_err *err)
{
	struct hi_host *host;
	int ends[2];
	pid_t pid;
	int code;

	if (pipe2(ends, 0) != 0)
		return hi_fail_sys(err, "starting %s", path);
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		run_child(ends[0], path, argv, mask);
	}
	close(ends[0]);
	host = pid > 0 ? hi_host_new(pid) : NULL;
	if (!host || !hi_host_add_thread(host, pid)) {
		close(ends[1]);
		hi_host_free(host);
		return hi_fail_sys(err, "starting %s", path);
	}
	code = hi_tracee_seize(pid, err);
	if (code == 0 && write(ends[1], "", 1) != 1)
		code = hi_fail_sys(err, "starting %s", path);
	close(ends[1]);
	if (code < 0) {
		kill(pid, SIGKILL);
		hi_host_free(host);
		return code;
	}
	*ret_host = host;
	return 0;
}

/*
 * The stack of a program that has not run yet, upwards from the stack pointer:
 * argc, argv[], NULL, envp[], NULL, auxv[] up to AT_NULL.
 */
struct start_stack {
	uint64_t *words;
	size_t n_words;
	size_t env_at;  /* index of envp[0] */
	size_t env_end; /* index of envp's NULL */
	size_t aux_at;
};

/* Index behind AT_NULL, or 0 when the vectors do not end in the words so far. */
static size_t find_end(struct start_stack *stack, size_t n_words)
{
	size_t i = 1 + stack->words[0] + 1;

	stack->env_at = i;
	while (i < n_words && stack->words[i] != 0)
		i++;
	stack->env_end = i;
	stack->aux_at = ++i;
	for (; i + 1 < n_words; i += 2)
		if (stack->words[i] == AT_NULL)
			return i + 2;
	return 0;
}

static int read_stack(const struct hi_host *host, uint64_t sp,
		      struct start_stack *ret_stack, struct hi_err *err)
{
	struct start_stack stack = { NULL, 0, 0, 0, 0 };
	size_t n_words = 0;

	while (n_words < STACK_WORDS_MAX) {
		/* the last page may be where it ends */
		size_t more = (4096 - ((sp + n_words * 8) & 4095)) / 8;
		uint64_t *words = realloc(stack.words, (n_words + more) * 8);
		int code;

		if (!words)
			break;
		stack.words = words;
		code = hi_remote_read(host, sp + n_words * 8, words + n_words,
				      more * 8, err);
		if (code < 0) {
			free(stack.words);
			return code;
		}
		n_words += more;
		stack.n_words = find_end(&stack, n_words);
		if (stack.n_words) {
			*ret_stack = stack;
			return 0;
		}
	}
	free(stack.words);
	hi_fail(err, HI_E_HOST, "the host's start stack has no end");
	return HI_E_HOST;
}

static uint64_t get_aux(const struct start_stack *stack, uint64_t type)
{
	for (size_t i = stack->aux_at; i + 1 < stack->n_words; i += 2)
		if (stack->words[i] == type)
			return stack->words[i + 1];
	return 0;
}

/*
 * The string at AT_REMOTE, at most LIMIT bytes of it. It is read page by page,
 * because the last one may end with the stack.
 */
static size_t read_string(const struct hi_host *host, uint64_t at_remote,
			  char *text, size_t limit)
{
	size_t len = 0;

	while (len < limit) {
		size_t step = 4096 - ((at_remote + len) & 4095);

		step = step < limit - len ? step : limit - len;
		if (hi_remote_read(host, at_remote + len, text + len, step,
				   NULL) < 0)
			break;
		if (memchr(text + len, 0, step))
			return len + strlen(text + len);
		len += step;
	}
	return len;
}

/* The index of the variable NAME ("PATH=") in envp and its value, STRING_MAX bytes, or
   env_end and "". */
static size_t find_variable(const struct hi_host *host,
			    const struct start_stack *stack, const char *name,
			    char *value)
{
	const size_t len = strlen(name);
	char begin[32];

	value[0] = '\0';
	for (size_t i = stack->env_at; i < stack->env_end; i++) {
		uint64_t at = stack->words[i];

		if (read_string(host, at, begin, len) < len ||
		    memcmp(begin, name, len) != 0)
			continue;
		value[read_string(host, at + len, value, STRING_MAX - 1)] =
			'\0';
		return i;
	}
	return stack->env_end;
}

/* The runtime of gcc's or clang's address sanitizer, which ends a program in which it
   is not the first library of all. */
static bool is_first_runtime(const char *path, size_t len)
{
	static const char *const names[] = { "libasan.so", "libclang_rt.asan" };
	const char *slash = memrchr(path, '/', len);
	const char *name = slash ? slash + 1 : path;

	len -= (size_t)(name - path);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (len >= strlen(names[i]) &&
		    !memcmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

/* How much of the list VALUE stays before the shim: all up to such a runtime. */
static size_t find_runtime(const char *value)
{
	size_t at = 0;

	while (value[at]) {
		size_t len = strcspn(value + at, ": ");

		if (is_first_runtime(value + at, len))
			return at + len;
		at += len + (value[at + len] != '\0');
	}
	return 0;
}

/* The runtime that the program itself needs, copied to NAME, or "". */
static void find_needed_runtime(const struct hi_host *host, char *name,
				size_t size)
{
	struct hi_image *image = NULL;
	const char *const *needed;
	char path[64];

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/exe", host->pid);
	if (hi_image_open_any(path, &image, NULL) < 0)
		return;
	needed = hi_image_get_header(image)->needed;
	for (; needed && *needed; needed++)
		if (is_first_runtime(*needed, strlen(*needed)))
			snprintf(name, size, "%s", *needed);
	hi_image_free(image);
}

/*
 * The new entry. What is added with the shim stands before it with two colons, which
 * the loader takes for one, and goes with it (preload/shim.c).
 */
static int make_preload(const struct hi_host *host, const char *shim_path,
			const char *value, char **ret_text, bool *ret_runtime)
{
	size_t before = find_runtime(value);
	const char *after = value + before;
	char runtime[256] = "";

	if (before == 0)
		find_needed_runtime(host, runtime, sizeof(runtime));
	*ret_runtime = before || *runtime;
	while (before && (*after == ':' || *after == ' '))
		after++;
	return asprintf(ret_text, "LD_PRELOAD=%s%s%.*s%s%s%s%s", runtime,
			*runtime ? "::" : "", (int)before, value,
			before ? ":" : "", shim_path, *after ? ":" : "", after);
}

/*
 * Write the vectors again below the old ones, with LD_PRELOAD set, and the new
 * string above them. The kernel leaves 128 KiB of room (setup_arg_pages), and
 * the stack grows when more is written.
 */
static int write_stack(const struct hi_host *host, uint64_t sp,
		       const struct start_stack *stack, const char *shim_path,
		       uint64_t *ret_sp, bool *ret_runtime, struct hi_err *err)
{
	char *HI_FREE value = malloc(STRING_MAX);
	char *HI_FREE text = NULL;
	size_t at = value ? find_variable(host, stack, "LD_PRELOAD=", value) :
			    0;
	size_t extra = at == stack->env_end;
	size_t n_words = stack->n_words + extra;
	uint64_t *HI_FREE words = malloc(n_words * 8);
	uint64_t new_sp, text_remote;
	int code, len = -1;

	if (value)
		len = make_preload(host, shim_path, value, &text, ret_runtime);
	if (!words || len < 0) {
		text = len < 0 ? NULL : text;
		return hi_fail(err, HI_E_NOMEM, "no memory for %zu words",
			       n_words);
	}
	new_sp = (sp - (size_t)len - 1 - n_words * 8) & ~15ULL;
	text_remote = new_sp + n_words * 8;
	memcpy(words, stack->words, at * 8);
	memcpy(words + at + extra, stack->words + at,
	       (stack->n_words - at) * 8);
	words[at] = text_remote;
	code = hi_remote_poke(host, new_sp, words, n_words * 8, err);
	if (code == 0)
		code = hi_remote_poke(host, text_remote, text, (size_t)len + 1,
				      err);
	if (code == 0)
		*ret_sp = new_sp;
	return code;
}

/* Whether the sanitizer will look for leaks at the end, which is its default. */
static bool looks_for_leaks(const struct hi_host *host,
			    const struct start_stack *stack)
{
	static const char *const names[] = { "ASAN_OPTIONS=", "LSAN_OPTIONS=" };
	char *HI_FREE value = malloc(STRING_MAX);

	for (size_t i = 0; value && i < sizeof(names) / sizeof(*names); i++) {
		(void)find_variable(host, stack, names[i], value);
		if (strstr(value, "detect_leaks=0") ||
		    strstr(value, "detect_leaks=false"))
			return false;
	}
	return true;
}

static int add_preload(struct hi_host *host, struct hi_thread *thread,
		       const struct start_stack *stack, const char *shim_path,
		       struct user_regs_struct *regs, bool *ret_leaks,
		       struct hi_err *err)
{
	uint64_t sp = 0;
	bool has_runtime = false;
	int code = write_stack(host, regs->rsp, stack, shim_path, &sp,
			       &has_runtime, err);

	*ret_leaks = has_runtime && looks_for_leaks(host, stack);

	if (code < 0)
		return code;
	regs->rsp = sp;
	return hi_tracee_set_regs(thread->tid, regs, err);
}

static int arm(struct hi_host *host, uint64_t entry_remote,
	       struct hi_entry_stop *entry, struct hi_err *err)
{
	static const unsigned char int3 = 0xcc;
	int code = hi_remote_read(host, entry_remote, &entry->byte, 1, err);

	if (code == 0)
		code = hi_remote_poke(host, entry_remote, &int3, 1, err);
	if (code < 0)
		return code;
	entry->entry_remote = entry_remote;
	entry->armed = true;
	return 0;
}

static int check_program(const struct hi_host *host,
			 const struct start_stack *stack, struct hi_err *err)
{
	char path[64];
	int exit_status = 0;

	snprintf(path, sizeof(path), "/proc/%d/exe", host->pid);
	if (get_aux(stack, AT_SECURE))
		return hi_fail(err, HI_E_HOST,
			       "%s runs with rights of its own, so the loader "
			       "ignores LD_PRELOAD",
			       host->name);
	return hi_program_check(path, host->name, &exit_status, err);
}

int hi_launch_prepare(struct hi_host *host, struct hi_thread *thread,
		      const char *shim_path, struct hi_entry_stop *ret_entry,
		      struct hi_err *err)
{
	struct start_stack stack = { NULL, 0, 0, 0, 0 };
	struct user_regs_struct regs;
	int code = hi_host_reopen(host, err);

	memset(ret_entry, 0, sizeof(*ret_entry));
	if (code == 0)
		code = hi_tracee_get_regs(thread->tid, &regs, err);
	if (code == 0)
		code = read_stack(host, regs.rsp, &stack, err);
	if (code == 0)
		code = check_program(host, &stack, err);
	if (code == 0)
		code = add_preload(host, thread, &stack, shim_path, &regs,
				   &ret_entry->leaks, err);
	if (code == 0)
		code = arm(host, get_aux(&stack, AT_ENTRY), ret_entry, err);
	free(stack.words);
	return code;
}

bool hi_launch_at_entry(struct hi_host *host, struct hi_thread *thread,
			struct hi_entry_stop *entry)
{
	struct user_regs_struct regs;

	if (!entry->armed || hi_tracee_get_regs(thread->tid, &regs, NULL) < 0 ||
	    regs.rip != entry->entry_remote + 1)
		return false;
	entry->armed = false;
	regs.rip = entry->entry_remote;
	return hi_remote_poke(host, entry->entry_remote, &entry->byte, 1,
			      NULL) == 0 &&
	       hi_tracee_set_regs(thread->tid, &regs, NULL) == 0;
}
