#include "injector/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "injector/program.h"
#include "injector/remote.h"

#define DEPTH_MAX 64

static pid_t find_parent(pid_t pid)
{
	char path[64], line[256];
	int parent = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "PPid: %d", &parent) == 1)
			break;
	if (status)
		fclose(status);
	return parent;
}

static bool is_forefather(pid_t elder, pid_t pid)
{
	for (int i = 0; i < DEPTH_MAX && pid > 1; i++) {
		pid = find_parent(pid);
		if (pid == elder)
			return true;
	}
	return false;
}

/* A process that forks while it is still being loaded gives the breakpoint on. */
static struct hi_entry_stop get_entry(const struct hi_follow *follow,
				      const struct hi_followed *self, pid_t pid)
{
	static const struct hi_entry_stop none = { 0 };
	pid_t parent = find_parent(pid);
	const struct hi_relative *relative = hi_follow_find_pid(follow, parent);

	if (self->host->pid == parent)
		return self->entry;
	return relative ? relative->is.entry : none;
}

static struct hi_relative *add(struct hi_follow *follow,
			       const struct hi_followed *self, pid_t pid)
{
	struct hi_relative *relative = calloc(1, sizeof(*relative));
	struct hi_host *host = relative ? hi_host_new(pid) : NULL;
	struct hi_thread *thread = host ? hi_host_add_thread(host, pid) : NULL;

	if (!thread || hi_host_reopen(host, NULL) < 0) {
		hi_host_free(host);
		free(relative);
		return NULL;
	}
	thread->watched = true;
	host->hooks = self->host->hooks;
	relative->is.host = host;
	relative->is.entry = get_entry(follow, self, pid);
	relative->is.entered = !relative->is.entry.armed;
	relative->next = follow->relatives;
	follow->relatives = relative;
	return relative;
}

struct hi_relative *hi_follow_find_owner(const struct hi_follow *follow,
					 pid_t tid)
{
	struct hi_relative *relative = follow->relatives;

	for (; relative; relative = relative->next)
		if (!relative->is.host->ended &&
		    (hi_host_find_thread(relative->is.host, tid) ||
		     hi_host_owns(relative->is.host, tid)))
			return relative;
	return NULL;
}

bool hi_follow_take(struct hi_follow *follow, const struct hi_followed *self,
		    const struct hi_stop *stop, bool forks)
{
	struct hi_relative *relative = hi_follow_find_owner(follow, stop->tid);

	if (!relative && forks && stop->kind != HI_STOP_ENDED)
		relative = add(follow, self, stop->tid);
	if (relative && stop->kind != HI_STOP_NONE)
		hi_host_take(relative->is.host, stop);
	return relative != NULL;
}

/* The file that an execve(2) or execveat(2) names, as we can reach it. */
static int read_program(const struct hi_host *host,
			const struct user_regs_struct *regs, char *path,
			size_t size)
{
	bool at = regs->orig_rax == SYS_execveat;
	uint64_t name_remote = at ? regs->rsi : regs->rdi;
	char name[PATH_MAX];
	size_t len = 0;

	while (len < sizeof(name) &&
	       hi_remote_read(host, name_remote + len, name + len, 1, NULL) ==
		       0 &&
	       name[len])
		len++;
	if (len == sizeof(name) || (len == 0 && !at))
		return -1;
	name[len] = '\0';
	if (name[0] == '/')
		snprintf(path, size, "/proc/%d/root%s", host->pid, name);
	else if (!at || (int)regs->rdi == AT_FDCWD)
		snprintf(path, size, "/proc/%d/cwd/%s", host->pid, name);
	else
		snprintf(path, size, "/proc/%d/fd/%d%s%s", host->pid,
			 (int)regs->rdi, len ? "/" : "", name);
	return 0;
}

bool hi_follow_at_syscall(struct hi_host *host, struct hi_thread *thread)
{
	struct user_regs_struct regs;
	char path[PATH_MAX + 64];

	if (hi_tracee_get_regs(thread->tid, &regs, NULL) < 0 ||
	    (long)regs.rax != -ENOSYS ||
	    (regs.orig_rax != SYS_execve && regs.orig_rax != SYS_execveat))
		return false;
	return read_program(host, &regs, path, sizeof(path)) == 0 &&
	       hi_program_has_rights(path);
}

struct hi_relative *hi_follow_find(const struct hi_follow *follow,
				   const struct hi_host *host)
{
	struct hi_relative *relative = follow->relatives;

	while (relative && relative->is.host != host)
		relative = relative->next;
	return relative;
}

struct hi_relative *hi_follow_find_pid(const struct hi_follow *follow,
				       pid_t pid)
{
	struct hi_relative *relative = follow->relatives;

	while (relative &&
	       (relative->is.host->pid != pid || relative->is.host->ended))
		relative = relative->next;
	return relative;
}

static bool is_new(const struct hi_relative *relative)
{
	const struct hi_thread *thread;

	if (relative->is.host->ended || relative->unwanted)
		return false;
	thread = hi_host_find_thread(relative->is.host, relative->is.host->pid);
	return !relative->is.entered || (thread && thread->watched);
}

struct hi_relative *hi_follow_find_new(const struct hi_follow *follow)
{
	struct hi_relative *relative = follow->relatives;

	while (relative && !is_new(relative))
		relative = relative->next;
	return relative;
}

void hi_follow_swap(struct hi_relative *relative, struct hi_followed *self)
{
	struct hi_followed other = relative->is;

	relative->is = *self;
	*self = other;
}

/* Each thread is let go at its next stop, which is asked for. */
void hi_follow_leave(struct hi_relative *relative)
{
	struct hi_host *host = relative->is.host;
	struct hi_thread *thread, *next;

	relative->unwanted = true;
	if (relative->is.entry.armed || host->ended)
		return;
	host->leaving = true;
	HASH_ITER(hh, host->threads, thread, next)
		(void)!hi_tracee_interrupt(thread->tid, NULL);
}

void hi_follow_settle(struct hi_follow *follow, struct hi_host *self)
{
	struct hi_relative *relative = follow->relatives;
	struct hi_thread *thread, *next;

	for (; relative; relative = relative->next)
		if (!is_forefather(relative->is.host->pid, self->pid))
			hi_follow_leave(relative);
	HASH_ITER(hh, self->threads, thread, next) {
		thread->watched = false;
		hi_tracee_pass_vforks(thread->tid);
	}
}

void hi_follow_entered(struct hi_relative *relative)
{
	relative->is.entered = true;
	relative->is.host->leaving = relative->unwanted;
}

void hi_follow_clean(struct hi_follow *follow)
{
	struct hi_relative **at = &follow->relatives;

	while (*at) {
		struct hi_relative *relative = *at;

		if (!relative->is.host->ended) {
			at = &relative->next;
			continue;
		}
		*at = relative->next;
		hi_host_free(relative->is.host);
		free(relative);
	}
}

void hi_follow_done(struct hi_follow *follow)
{
	for (struct hi_relative *at = follow->relatives; at; at = at->next)
		at->is.host->ended = true;
	hi_follow_clean(follow);
}
