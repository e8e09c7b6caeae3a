#include "tests/support_rights.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/own.h"

#define BECOME_NOBODY \
	"setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null"

/*
 * Waits for a line. newuidmap(1) has root's rights, but only for what subuid(5) gives
 * the user; it has to be started outside the namespace.
 */
static const char map_two[] =
	"read -r go; user=$(id -un)\n"
	"first() { sed -n \"s/^$user:\\([0-9]*\\):.*/\\1/p\" $1 | head -n 1; }\n"
	"{ newuidmap %d 0 %d 1 65534 $(first /etc/subuid) 1 &&\n"
	"  newgidmap %d 0 %d 1 65534 $(first /etc/subgid) 1; } 2>/dev/null\n";

static bool write_file(const char *path, const char *text)
{
	int HI_CLOSE fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 &&
	       write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool map_one_user(uid_t uid, gid_t gid)
{
	char users[40], groups[40];

	snprintf(users, sizeof(users), "0 %u 1", uid);
	snprintf(groups, sizeof(groups), "0 %u 1", gid);
	return write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", users) &&
	       write_file("/proc/self/gid_map", groups);
}

/* Root of a new namespace; its nobody is one of the user's own further users. */
static bool enter_namespace(bool nobody)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int pid = getpid();
	char command[sizeof(map_two) + 80];
	FILE *mapper;
	bool entered;

	if (!nobody)
		return unshare(CLONE_NEWUSER) == 0 && map_one_user(uid, gid);
	snprintf(command, sizeof(command), map_two, pid, (int)uid, pid,
		 (int)gid);
	mapper = popen(command, "we");
	entered = mapper && unshare(CLONE_NEWUSER) == 0;
	if (entered)
		fputs("go\n", mapper);
	return mapper && pclose(mapper) == 0 && entered;
}

static bool allows_setuid(void)
{
	const char *folder = getenv("TMPDIR");
	struct statvfs mounted;

	return statvfs(folder ? folder : "/tmp", &mounted) == 0 &&
	       !(mounted.f_flag & ST_NOSUID);
}

/* What is granted is tried, because a container may hold it back from root. */
static bool try_rights(unsigned int rights)
{
	if ((rights & SUPPORT_CHROOT) && chroot("/") != 0)
		return false;
	if ((rights & SUPPORT_MOUNT) &&
	    (unshare(CLONE_NEWNS) != 0 ||
	     mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0))
		return false;
	if ((rights & SUPPORT_NOBODY) &&
	    system(BECOME_NOBODY) != 0) /* NOLINT(cert-env33-c) */
		return false;
	if ((rights & SUPPORT_PTRACE) &&
	    prctl(PR_CAPBSET_READ, CAP_SYS_PTRACE) != 1)
		return false;
	return !(rights & SUPPORT_SETUID) || allows_setuid();
}

static void print_skip(unsigned int rights, const char *what)
{
	static const char *const names[] = {
		"chroot",
		"mount",
		"become another user",
		"make a program setuid",
		"trace every process",
	};
	const char *between = "";

	printf("skip: %s (needs the right to ", what);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(rights & 1U << i))
			continue;
		printf("%s%s", between, names[i]);
		between = " and ";
	}
	printf("; be root, or have user namespaces%s)\n",
	       rights & SUPPORT_NOBODY ? " with newuidmap(1)" : "");
	fflush(stdout);
}

bool support_gain(unsigned int rights, const char *what)
{
	if (geteuid() == 0 && try_rights(rights))
		return true;
	if (enter_namespace(rights & SUPPORT_NOBODY) && try_rights(rights))
		return true;
	print_skip(rights, what);
	return false;
}
