/*
 * control_folder - where the control sockets are: one for each host that a hotinject of
 * this user looks after, PID.socket with the host's number.
 *
 *     $XDG_RUNTIME_DIR/hotinject    where that folder is this user's own
 *     /tmp/hotinject-UID            otherwise
 *
 * Both have mode 0700. What is a link, another user's or open to others is not
 * used.
 *
 * Ownership: descriptors are the caller's.
 * Errors:    HI_E_SYS, HI_E_RIGHTS with a sentence; HI_E_GONE: nobody is there.
 * Threads:   no state.
 * Source:    unix(7), SO_PEERCRED; XDG Base Directory 0.8.
 */
#ifndef HI_INJECTOR_CONTROL_FOLDER_H
#define HI_INJECTOR_CONTROL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "common/err.h"

#define HI_CONTROL_NAME_MAX 32

/* The folder's descriptor; HI_E_GONE when it is not there and MAKE is false. */
int hi_control_folder_open(bool make, int *ret_fd,
			   struct hi_err *err) HI_MUST_USE;
/* "4242.socket" */
void hi_control_folder_name(pid_t pid, char name[HI_CONTROL_NAME_MAX]);
/* The address of NAME in the folder, however long the folder's own path is. */
void hi_control_folder_address(int folder_fd, const char *name,
			       struct sockaddr_un *ret_address);

/* Whether the peer of the connected socket is a process of this user. */
bool hi_control_is_own(int fd);
/*
 * Connect to the hotinject that looks after PID: HI_E_GONE when there is none (what
 * a killed one has left is removed), HI_E_RIGHTS when it is another user's.
 */
int hi_control_connect(int folder_fd, pid_t pid, int *ret_fd,
		       struct hi_err *err) HI_MUST_USE;
/*
 * The hosts that are looked after, by number, for free(); what killed ones have left
 * is removed. Returns how many.
 */
size_t hi_control_list(int folder_fd, pid_t **ret_pids);

#endif
