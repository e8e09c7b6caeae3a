/*
 * program - may this file be a host? Looked at before it is started, and again at
 * each execve(2) of the host.
 *
 * Errors:    one sentence each; *ret_exit is the exit status that belongs to it: 127
 *            not found, 126 cannot be executed, 125 cannot be worked with.
 * Source:    execvp(3), ld.so(8) "secure-execution mode", capabilities(7); exit
 *            statuses as env(1).
 */
#ifndef HI_INJECTOR_PROGRAM_H
#define HI_INJECTOR_PROGRAM_H

#include <stdbool.h>

#include "common/err.h"

#define HI_EXIT_NOT_FOUND 127
#define HI_EXIT_NO_EXEC   126
#define HI_EXIT_HOTINJECT 125

/*
 * Look NAME up as execvp(3) does and check the file; *ret_path (free) is what to
 * execute. A script passes: its interpreter is judged when it runs.
 */
int hi_program_find(const char *name, char **ret_path, int *ret_exit,
		    struct hi_err *err) HI_MUST_USE;

/* Whether the program at PATH gets rights of its own: setuid, setgid, file
   capabilities. */
bool hi_program_has_rights(const char *path);

/* Check the ELF program at PATH, which messages call NAME. */
int hi_program_check(const char *path, const char *name, int *ret_exit,
		     struct hi_err *err) HI_MUST_USE;

#endif
