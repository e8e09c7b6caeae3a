/*
 * support_rights - what only root may do, for every user: a test becomes the root of
 * a user namespace of its own.
 *
 *	if (!support_gain(SUPPORT_MOUNT, "a_full_disk_is_said"))
 *		return;
 *
 * Ownership: the rights are the process's, and end with it. What it mounts is seen
 *            by it and its children alone.
 * Errors:    what cannot be had is a skip with a name, on standard output.
 * Threads:   one, in the process of one test.
 * Source:    user_namespaces(7), mount_namespaces(7), newuidmap(1), subuid(5).
 */
#ifndef HI_TESTS_SUPPORT_RIGHTS_H
#define HI_TESTS_SUPPORT_RIGHTS_H

#include <stdbool.h>

enum support_right {
	SUPPORT_CHROOT = 1,  /* chroot(2) */
	SUPPORT_MOUNT = 2,   /* mount(2), in a mount namespace of its own */
	SUPPORT_NOBODY = 4,  /* to own files as, and to become, user 65534 */
	SUPPORT_SETUID = 8,  /* to give a program in a scene root's rights */
	SUPPORT_PTRACE = 16, /* to read memory that a process keeps to itself */
};

/*
 * Be root with these RIGHTS, an OR of them. False when that cannot be: then the
 * skip of the test WHAT has been printed, and the test returns at once.
 */
bool support_gain(unsigned int rights, const char *what);

#endif
