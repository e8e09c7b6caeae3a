#include "tests/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/own.h"
#include "tests/support_scene.h"

const char *support_path(struct support *scene, const char *name)
{
	char path[1000];

	if (*name == '/')
		return support_keep(scene, name);
	snprintf(path, sizeof(path), "%s/%s", scene->folder, name);
	return support_keep(scene, path);
}

const char *support_source(struct support *scene, const char *name)
{
	char path[1000];

	snprintf(path, sizeof(path), "%s/%s", scene->root, name);
	return support_keep(scene, path);
}

static void write_all(struct support *scene, const char *path, int flags,
		      const void *bytes, size_t len)
{
	int HI_CLOSE fd = open(path, flags | O_WRONLY | O_CLOEXEC, 0755);
	const char *at = bytes;
	size_t left = len;

	if (fd < 0)
		support_fail(scene, "open %s: %s", path, strerror(errno));
	while (left) {
		ssize_t n = write(fd, at, left);

		if (n < 0)
			support_fail(scene, "write %s: %s", path,
				     strerror(errno));
		at += n;
		left -= (size_t)n;
	}
}

void support_write(struct support *scene, const char *name, const char *text)
{
	write_all(scene, support_path(scene, name), O_CREAT | O_TRUNC, text,
		  strlen(text));
}

char *support_read(struct support *scene, const char *name, size_t *ret_len)
{
	const char *path = support_path(scene, name);
	int HI_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t len = 0;
	char *bytes;

	if (fd < 0 || fstat(fd, &st) != 0)
		support_fail(scene, "open %s: %s", path, strerror(errno));
	bytes = malloc((size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(bytes);
	while (len < (size_t)st.st_size) {
		ssize_t n = read(fd, bytes + len, (size_t)st.st_size - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	bytes[len] = '\0';
	if (ret_len)
		*ret_len = len;
	return bytes;
}

/* Standard output and error of commands go into the log. */
static int run_shell(struct support *scene, const char *command)
{
	const char *log = support_path(scene, "log");
	int status;
	pid_t pid;

	support_log(scene, "$", command);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int fd = open(log, O_WRONLY | O_APPEND | O_CREAT, 0644);

		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		if (chdir(scene->folder) == 0)
			execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	return status;
}

void support_shell(struct support *scene, const char *format, ...)
{
	char *HI_FREE command = NULL;
	va_list args;

	va_start(args, format);
	ck_assert_int_ge(vasprintf(&command, format, args), 0);
	va_end(args);
	if (run_shell(scene, command) != 0)
		support_fail(scene, "this command failed: %s", command);
}

void support_put_bytes(struct support *scene, const void *bytes, size_t len,
		       const char *to, enum support_way way)
{
	const char *path = support_path(scene, to);
	char beside[1000];

	switch (way) {
	case SUPPORT_IN_PLACE:
		write_all(scene, path, O_TRUNC, bytes, len);
		break;
	case SUPPORT_ANEW:
		unlink(path);
		write_all(scene, path, O_CREAT | O_EXCL, bytes, len);
		break;
	case SUPPORT_RENAME:
		snprintf(beside, sizeof(beside), "%s.beside", path);
		write_all(scene, beside, O_CREAT | O_TRUNC, bytes, len);
		if (rename(beside, path) != 0)
			support_fail(scene, "rename to %s: %s", path,
				     strerror(errno));
		break;
	}
}

void support_put(struct support *scene, const char *from, const char *to,
		 enum support_way way)
{
	size_t len;
	char *HI_FREE bytes = support_read(scene, from, &len);

	support_log(scene, "put", support_path(scene, from));
	support_put_bytes(scene, bytes, len, to, way);
}
