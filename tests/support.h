/*
 * support - what the end-to-end tests stand on: a folder, compilers, a host
 * under hotinject, its answers and the events.
 *
 * A test makes a scene, compiles a host and a worker into its folder, starts
 * the host under hotinject, and then talks: it asks the host over standard
 * input and reads whole lines of its standard output, puts new builds in place
 * and waits for events. Every wait has a deadline (10 s, or
 * HOTINJECT_TEST_DEADLINE seconds), none sleeps. The tool is $HOTINJECT, by default
 * build/hotinject; commands run in the scene's folder.
 *
 *	struct support *scene = support_new("plt");
 *
 *	support_shell(scene, "gcc -shared -fPIC -o libworker.so w1.c");
 *	support_start(scene, "--wait=100", "./host", "libworker.so", NULL);
 *	support_event(scene, "ready");
 *	ck_assert_str_eq(support_ask(scene, "call"), "value=1");
 *	support_put(scene, "libworker.2.so", "libworker.so", SUPPORT_RENAME);
 *	support_event(scene, "live");
 *	ck_assert_str_eq(support_ask(scene, "call"), "value=2");
 *	ck_assert_int_eq(support_end(scene), 0);
 *	support_free(scene);
 *
 * Ownership: support_new() gives a scene that support_free() ends: processes are
 *            killed, the folder removed. Strings and events live as long as
 *            the scene unless the function says less.
 * Errors:    each function fails the running test with a sentence. What was
 *            collected of a failed test (output of commands, events, standard error,
 *            answers) is printed by support_main() at the end.
 * Threads:   one.
 */
#ifndef HI_TESTS_SUPPORT_H
#define HI_TESTS_SUPPORT_H

#include <check.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

struct support;

enum support_way { /* how a new build takes the worker's place */
		   SUPPORT_RENAME, /* a complete file is renamed over it (lld, mold) */
		   SUPPORT_ANEW, /* unlinked, created and written (bfd) */
		   SUPPORT_IN_PLACE, /* the same file truncated and rewritten (cp) */
};

/*
 * The whole of main(): runs the suite NAME that ADD fills, prints what failed
 * tests left behind, removes the folders. Returns the exit status.
 */
int support_main(const char *name, void (*add)(Suite *suite));
/* A test case of SUITE with a time limit that suits end-to-end tests. */
TCase *support_tcase(Suite *suite, const char *name);

struct support *support_new(const char *name);
void support_free(struct support *scene);
/* Fails the running test. */
_Noreturn void support_fail(struct support *scene, const char *format, ...)
	HI_PRINTF(2, 3);

/* Files and commands. NAME is relative to the scene's folder, or absolute. */
const char *support_path(struct support *scene, const char *name);
/* The absolute path of NAME in the project's source tree. */
const char *support_source(struct support *scene, const char *name);
void support_write(struct support *scene, const char *name, const char *text);
/* The whole file; the caller frees it. *RET_LEN may be NULL. */
char *support_read(struct support *scene, const char *name, size_t *ret_len);
/* Run a command with /bin/sh in the folder; it must succeed. */
void support_shell(struct support *scene, const char *format, ...)
	HI_PRINTF(2, 3);
/* Put a copy of the file FROM at TO; FROM stays. */
void support_put(struct support *scene, const char *from, const char *to,
		 enum support_way way);
/* As support_put() with LEN bytes from memory. */
void support_put_bytes(struct support *scene, const void *bytes, size_t len,
		       const char *to, enum support_way way);

/*
 * Start "hotinject --events=FILE WORD...": options, host, worker, "--",
 * arguments; the last is NULL. One process a scene at a time.
 */
void support_start(struct support *scene, const char *word, ...)
	__attribute__((sentinel));
/* Start this program of the folder instead of $HOTINJECT. */
void support_use_tool(struct support *scene, const char *name);
/*
 * For root: start a copy of $HOTINJECT as the user 65534, who then owns all that is
 * in the folder. $HOTINJECT itself may lie where only root may look.
 */
void support_use_tool_as_nobody(struct support *scene);
void support_start_words(struct support *scene, const char *const *words);
/* Start "WORD..." itself, without hotinject. */
void support_start_plain_words(struct support *scene, const char *const *words);
void support_start_plain(struct support *scene, const char *word, ...)
	__attribute__((sentinel));
/* Attach "hotinject --events=FILE --pid=HOST WORD..." to the plain host. */
void support_attach(struct support *scene, const char *word, ...)
	__attribute__((sentinel));
/* Attach "hotinject --events=FILE WORD..." to hosts that WORDs name. */
void support_attach_words(struct support *scene, const char *word, ...)
	__attribute__((sentinel));
/* Have it let go, or wait until it ends by itself; its exit status, or minus the
   signal that ended it. */
int support_detach(struct support *scene);
int support_await_attached(struct support *scene);
pid_t support_get_attached(const struct support *scene);
/* Kill what was started, hotinject, without a word: from then on the scene's process is
   the host, as if it had been started plain. */
void support_kill_tool(struct support *scene);
/* The process that was started: hotinject, or the plain host. */
pid_t support_get_pid(const struct support *scene);
/* The host as the last event that named one says, or the plain host. */
pid_t support_get_host_pid(const struct support *scene);
/* The plain host is a process that the started one has made. */
void support_set_host_pid(struct support *scene, pid_t pid);

/* Write LINE and a line end to the host's standard input. */
void support_tell(struct support *scene, const char *line);
/* The next line of the host's standard output; valid until the next call. */
const char *support_line(struct support *scene);
/* support_tell(), then support_line(). */
const char *support_ask(struct support *scene, const char *line);
/* Skip lines until one matches the extended regular expression. */
const char *support_line_like(struct support *scene, const char *pattern);
/* Fails if one of the next COUNT answers to QUESTION has OLD as a word. */
void support_reject(struct support *scene, const char *question,
		    const char *old, unsigned int count);
/* Whether LINE, words separated by blanks, holds WORD ("value=1"). */
bool support_has_word(const char *line, const char *word);
/* The number behind "NAME=" in LINE. */
long support_number(struct support *scene, const char *line, const char *name);

/*
 * The next event, which must be of KIND; "waiting" and "ignored" ones before
 * it are passed over, and all of processes that the host has forked. Waits for it.
 */
json_t *support_event(struct support *scene, const char *kind);
/* The next event of whatever kind. */
json_t *support_event_any(struct support *scene);
/* Fails if an event has come that nobody consumed; does not wait. */
void support_no_event(struct support *scene);
/* From now on nobody asks what has come until the end. */
void support_forget_events(struct support *scene);
/* KEY of an event, with "state.kept" for a key of an object in it. */
long support_event_number(struct support *scene, json_t *event,
			  const char *key);
const char *support_event_text(struct support *scene, json_t *event,
			       const char *key);
/* The names in the array KEY, in alphabetical order, separated by commas. */
const char *support_event_list(struct support *scene, json_t *event,
			       const char *key);
/* Whether a reason of a "refused" event has KIND (or NULL) and holds TEXT. */
bool support_event_reason(json_t *event, const char *kind, const char *text);
/* Waits until standard error holds a line that matches the pattern. */
void support_message(struct support *scene, const char *pattern);
/* All of standard error so far; the caller frees it. */
char *support_messages(struct support *scene);

/*
 * Close the host's standard input and wait for the end. The result is the exit
 * status, or minus the signal that ended the process. No event but
 * "exit" may be left, and the session's folder must be gone.
 */
int support_end(struct support *scene);
/* Wait for the end without closing anything; else the same. */
int support_wait(struct support *scene);
void support_signal(struct support *scene, int signal_number);

#endif
