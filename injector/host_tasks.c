/*
 * What /proc/PID/task tells of the host's threads.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "injector/host.h"

/* Descriptors are kept for the first threads; the limit is often 1024. */
#define KEPT_FD_MAX 512

void hi_host_close_fd(struct hi_thread *thread)
{
	if (thread->proc_fd >= 0)
		close(thread->proc_fd);
	thread->proc_fd = -1;
}

void hi_host_close_fds(struct hi_host *host)
{
	struct hi_thread *thread, *next;

	HASH_ITER(hh, host->threads, thread, next)
		hi_host_close_fd(thread);
}

bool hi_host_find_sleep(struct hi_host *host, struct hi_thread *thread,
			long *ret_number, uint64_t *ret_argument,
			uint64_t *ret_sp, uint64_t *ret_pc)
{
	char text[256];
	char *last, *rest;
	ssize_t got;

	if (thread->proc_fd < 0) {
		snprintf(text, sizeof(text), "/proc/%d/task/%d/syscall",
			 host->pid, thread->tid);
		thread->proc_fd = open(text, O_RDONLY | O_CLOEXEC);
	}
	got = pread(thread->proc_fd, text, sizeof(text) - 1, 0);
	if (thread->proc_fd >= KEPT_FD_MAX)
		hi_host_close_fd(thread);
	if (got <= 0 || text[0] == 'r') /* "running" */
		return false;
	text[got] = '\0';
	/* number, six arguments, stack pointer, program counter; -1 for a
	   thread that is blocked outside a system call (a page fault) */
	*ret_number = strtol(text, &rest, 10);
	*ret_argument = strtoull(rest, NULL, 16);
	last = strrchr(text, ' ');
	if (*ret_number < 0 || !last)
		return false;
	*ret_pc = strtoull(last + 1, NULL, 16);
	*last = '\0';
	last = strrchr(text, ' ');
	if (!last)
		return false;
	*ret_sp = strtoull(last + 1, NULL, 16);
	return true;
}

int hi_host_complete(struct hi_host *host, struct hi_err *err)
{
	const struct dirent *entry;
	char path[64];
	DIR *tasks;

	if (!host->incomplete)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/task", host->pid);
	tasks = opendir(path);
	if (!tasks)
		return hi_fail_sys(err, "finding the threads of process %d",
				   host->pid);
	host->incomplete = false;
	while ((entry = readdir(tasks))) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid > 0 && !hi_host_add_thread(host, tid))
			host->incomplete = true;
	}
	closedir(tasks);
	return host->incomplete ? hi_fail(err, HI_E_NOMEM,
					  "no memory for all threads of "
					  "process %d",
					  host->pid) :
				  0;
}
