#include "injector/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The unwinder's view of the host's libraries, and then what a build adds: its
   bytes, and what is made of its symbols and debug information. */
#define LEN_HOST    (48UL << 20)
#define FACTOR_FILE 8
/* A reload has at most 8 open beyond those that it keeps. */
#define N_FDS 16

static bool has_memory(size_t len)
{
	void *bytes = mmap(NULL, len, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		return false;
	munmap(bytes, len);
	return true;
}

static bool has_descriptors(void)
{
	int fds[N_FDS];
	int n = 0;

	fds[0] = open("/", O_PATH | O_CLOEXEC);
	if (fds[0] >= 0)
		n++;
	while (n > 0 && n < N_FDS) {
		fds[n] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
		if (fds[n] < 0)
			break;
		n++;
	}
	for (int i = 0; i < n; i++)
		close(fds[i]);
	return n == N_FDS;
}

static int fail(int sys_errno, struct hi_err *err)
{
	hi_fail(err, HI_E_SYS, "hotinject has %s left for a reload",
		sys_errno == EMFILE ? "too few descriptors" :
				      "too little memory");
	if (err)
		err->sys_errno = sys_errno;
	hi_err_hint(err,
		    sys_errno == EMFILE ?
			    "raise its limit on open files (ulimit -n, or "
			    "prlimit while it runs), then build again" :
			    "raise its limit on memory (ulimit -v, or prlimit "
			    "while it runs) or free some, then build again");
	return HI_E_SYS;
}

int hi_reserve_check(struct hi_host *host, const char *path, struct hi_err *err)
{
	size_t len = LEN_HOST;
	struct stat st;

	if (path && stat(path, &st) == 0 && st.st_size > 0)
		len += (size_t)st.st_size * FACTOR_FILE;
	if (!has_memory(len))
		return fail(ENOMEM, err);
	if (has_descriptors())
		return 0;
	hi_host_close_fds(host);
	return has_descriptors() ? 0 : fail(EMFILE, err);
}
