/*
 * command_parts - what the files of a command share, and nobody else.
 *
 * command.c       which host, and what to do
 * command_ask.c   one question to one session
 * command_show.c  answers as text
 * command_gdb.c   gdb on a host
 * command_back.c  a host goes back, with what it has forked
 *
 * Ownership: as each function says.
 * Errors:    left to the caller through ERR.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_COMMAND_PARTS_H
#define HI_INJECTOR_COMMAND_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/buf.h"
#include "injector/message.h"

/* --- command_ask.c --- */

/* Connect to the session of PID and send the request. */
int hi_command_send(int folder_fd, pid_t pid, const struct hi_request *request,
		    int *ret_fd, struct hi_err *err) HI_MUST_USE;
/* The next answer of the session that was asked, a new object. */
int hi_command_receive(int fd, pid_t pid, bool patient, json_t **ret_answer,
		       struct hi_err *err) HI_MUST_USE;
/* Both, and nothing further is asked. */
int hi_command_ask(int folder_fd, pid_t pid, const struct hi_request *request,
		   json_t **ret_answer, struct hi_err *err) HI_MUST_USE;

/* --- command_show.c --- */

void hi_command_show_status(struct hi_buf *out, const json_t *status);
void hi_command_show_history(struct hi_buf *out, const json_t *answer);
/* One object a line: the status, or each entry of the history. */
void hi_command_show_json(struct hi_buf *out, const json_t *answer);

/* --- command_back.c --- */

/* One that stands for all of PIDS, when they are one host and what it has forked;
   0: they are not. */
pid_t hi_command_find_family(int folder_fd, const pid_t *pids, size_t n);
/* REQUEST is for PID, and for all of its family; what came of it, a line. */
int hi_command_go_back(int folder_fd, pid_t pid,
		       const struct hi_request *request, struct hi_buf *ret_out,
		       struct hi_err *err) HI_MUST_USE;

/* --- command_gdb.c --- */

/* Run gdb on PID with the further WORDS; *RET_STATUS is its exit status. */
int hi_command_gdb(int folder_fd, pid_t pid, char **words, int *ret_status,
		   struct hi_err *err) HI_MUST_USE;

#endif
