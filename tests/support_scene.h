/*
 * support_scene - the inside of a scene, shared by the files of support.
 *
 * Ownership: everything in it ends with support_free().
 */
#ifndef HI_TESTS_SUPPORT_SCENE_H
#define HI_TESTS_SUPPORT_SCENE_H

#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "tests/support.h"

struct support {
	char folder[256];
	char root[256];  /* of the source tree */
	char tool[300];  /* hotinject */
	char place[300]; /* "FILE:LINE: " of the story, or "" */
	json_t *kept;    /* strings that live as long as the scene */

	pid_t pid; /* 0 when nothing runs */
	int pidfd;
	bool plain;
	pid_t attached; /* hotinject, attached to a plain host; or 0 */
	int in_fd, out_fd;
	char *out; /* bytes of standard output that are not yet lines */
	size_t out_len;
	char *line; /* what support_line() gave last */

	json_t *events; /* all that were read */
	json_t *forks;  /* processes that have a "parent" in them */
	size_t n_consumed;
	bool forgetful; /* whatever is left at the end is welcome */
	off_t events_offset;
	pid_t host_pid;
	int inotify_fd;
};

/* Milliseconds on the monotonic clock. */
uint64_t support_now_ms(void);
/* The time at which a wait that begins now fails. */
uint64_t support_deadline(void);
/*
 * Poll FD and the end of the process. Returns whether FD is readable; false
 * says that the process has ended. Fails when the deadline passes while
 * waiting for WHAT.
 */
bool support_poll(struct support *scene, int fd, uint64_t deadline,
		  const char *what);
/* Every failure from now on names this line of a story. */
void support_set_place(struct support *scene, const char *file,
		       unsigned int line);
/* Keep a copy of TEXT for the life of the scene. */
const char *support_keep(struct support *scene, const char *text);
/* A line of the scene's own log, for the report of a failure. */
void support_log(struct support *scene, const char *who, const char *text);
/* Take the whole lines that the event file has gained. */
void support_events_read(struct support *scene);
/* After the end: only "waiting", "ignored" and "exit" may be left. */
void support_event_last(struct support *scene);
/* Kill what runs. */
void support_kill(struct support *scene);

#endif
