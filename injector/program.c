#include "injector/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/own.h"

/* A directory that PATH leaves empty is the current one (execvp(3)). */
static char *join(const char *folder, size_t len, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%.*s%s%s", (int)len, folder, len ? "/" : "./",
		     name) < 0)
		return NULL;
	return path;
}

static bool is_executable_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

static char *search_path(const char *name)
{
	const char *folders = getenv("PATH");

	folders = folders ? folders : "/usr/local/bin:/bin:/usr/bin";
	for (;;) {
		size_t len = strcspn(folders, ":");
		char *HI_FREE path = join(folders, len, name);

		if (path && is_executable_file(path))
			return hi_take_ptr(&path);
		if (folders[len] == '\0')
			return NULL;
		folders += len + 1;
	}
}

static int fail(struct hi_err *err, int *ret_exit, int exit_status,
		const char *name, const char *why)
{
	*ret_exit = exit_status;
	return hi_fail(err, HI_E_HOST, "%s %s", name, why);
}

bool hi_program_has_rights(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 &&
	       ((st.st_mode & (S_ISUID | S_ISGID)) ||
		getxattr(path, "security.capability", NULL, 0) > 0);
}

static int check_file(const char *path, const char *name, int *ret_exit,
		      struct hi_err *err)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		*ret_exit = errno == ENOENT || errno == ENOTDIR ?
				    HI_EXIT_NOT_FOUND :
				    HI_EXIT_NO_EXEC;
		return hi_fail(err, HI_E_HOST, "%s cannot be started: %s", name,
			       strerror(errno));
	}
	if (S_ISDIR(st.st_mode))
		return fail(err, ret_exit, HI_EXIT_NO_EXEC, name,
			    "cannot be started: it is a directory");
	if (access(path, X_OK) != 0)
		return fail(err, ret_exit, HI_EXIT_NO_EXEC, name,
			    "cannot be started: it is not executable");
	if (hi_program_has_rights(path)) {
		fail(err, ret_exit, HI_EXIT_HOTINJECT, name,
		     "runs with rights of its own (setuid, setgid or file "
		     "capabilities), so the loader ignores LD_PRELOAD");
		hi_err_hint(err, "run a copy of it without these rights");
		return err ? err->code : HI_E_HOST;
	}
	return 0;
}

/* PT_INTERP's text, or "" when there is none. */
static int read_interpreter(int fd, const Elf64_Ehdr *ehdr, char *interp,
			    size_t size)
{
	interp[0] = '\0';
	for (unsigned int i = 0; i < ehdr->e_phnum; i++) {
		Elf64_Phdr phdr;
		off_t at = (off_t)(ehdr->e_phoff + i * sizeof(phdr));
		size_t len;

		if (pread(fd, &phdr, sizeof(phdr), at) != sizeof(phdr))
			return -1;
		if (phdr.p_type != PT_INTERP)
			continue;
		len = phdr.p_filesz < size ? phdr.p_filesz : size - 1;
		if (pread(fd, interp, len, (off_t)phdr.p_offset) !=
		    (ssize_t)len)
			return -1;
		interp[len] = '\0';
	}
	return 0;
}

int hi_program_check(const char *path, const char *name, int *ret_exit,
		     struct hi_err *err)
{
	Elf64_Ehdr ehdr;
	char interp[256];
	int HI_CLOSE fd = open(path, O_RDONLY | O_CLOEXEC);

	/* what may be executed but not read is the kernel's to judge */
	if (fd < 0)
		return 0;
	memset(&ehdr, 0, sizeof(ehdr));
	if (read(fd, &ehdr, sizeof(ehdr)) < 4 ||
	    memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0)
		return 0; /* a script, or binfmt_misc's */
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64)
		return fail(err, ret_exit, HI_EXIT_HOTINJECT, name,
			    "is a 32-bit program; only x86-64 hosts can be "
			    "worked with");
	if (ehdr.e_machine != EM_X86_64)
		return fail(err, ret_exit, HI_EXIT_HOTINJECT, name,
			    "is for another machine; only x86-64 hosts can be "
			    "worked with");
	if (read_interpreter(fd, &ehdr, interp, sizeof(interp)) != 0)
		return fail(err, ret_exit, HI_EXIT_NO_EXEC, name,
			    "is not a whole ELF file");
	if (interp[0] == '\0')
		return fail(err, ret_exit, HI_EXIT_HOTINJECT, name,
			    "is statically linked: it has no dynamic loader "
			    "and no shared libraries to replace");
	if (strstr(interp, "ld-musl"))
		return fail(err, ret_exit, HI_EXIT_HOTINJECT, name,
			    "uses the musl C library; only glibc hosts can be "
			    "worked with");
	return 0;
}

int hi_program_find(const char *name, char **ret_path, int *ret_exit,
		    struct hi_err *err)
{
	char *HI_FREE path = NULL;
	int code;

	if (strchr(name, '/'))
		path = strdup(name);
	else
		path = search_path(name);
	if (!path && strchr(name, '/') == NULL)
		return fail(err, ret_exit, HI_EXIT_NOT_FOUND, name,
			    "was not found in PATH");
	if (!path)
		return hi_fail(err, HI_E_NOMEM, "no memory for a path");
	code = check_file(path, name, ret_exit, err);
	if (code == 0)
		code = hi_program_check(path, name, ret_exit, err);
	if (code == 0)
		*ret_path = hi_take_ptr(&path);
	return code;
}
