/*
 * report - every word the user reads, and the event stream.
 *
 * Messages go to standard error, one line each, "hotinject: " first; hints on a line of
 * their own. The host may share the terminal and may have put it into raw mode: lines
 * end in "\r\n" when standard error is a terminal whose output processing is off.
 * Events are JSON objects, one a line, flushed at once.
 *
 * Ownership: hi_report_new() gives a reporter that hi_report_free() ends.
 * Errors:    an event file that cannot be written is said once; the session goes
 *            on.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_REPORT_H
#define HI_INJECTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "injector/cli.h"

struct hi_history;
struct hi_report;

struct hi_report_state { /* --state=keep: what became of the variables */
	size_t kept, fresh, migrated, reset;
};

struct hi_report_live {
	pid_t pid;
	const char *worker; /* base name */
	unsigned int build;
	unsigned int from; /* the build that was gone back from; 0: a new one */
	const char *const *changed;
	size_t n_changed;
	const char *const *added;
	size_t n_added;
	const char *const *removed;
	size_t n_removed;
	size_t n_same;
	struct hi_report_state state;
	bool state_known; /* false with --state=fresh */
	uint64_t latency_ns;
	uint64_t pause_ns;
	bool busy; /* swapped while a thread was inside the worker */
	bool dry;  /* it would be live: nothing was loaded */
	const char *const *bypassed; /* functions of which something still
					reaches an old build */
	size_t n_bypassed;
	size_t n_kept; /* the first of them, by code that still runs; the
			  others by a stored pointer */
	const char *const *parted; /* closures and coroutines of which objects
				      that exist keep the code they have */
	size_t n_parted;
	const char *const *initial; /* variables, see initial.h */
	size_t n_initial;
};

struct hi_reason { /* why a build is refused */
	/* "symbol-removed", "load", "state", ...; messages show the symbol as
	   a function, name(), unless the kind starts with "state", "variable",
	   "load", "layout", "member", "enum", "vtable", "object" or
	   "passing" */
	const char *kind;
	const char *symbol; /* or "" */
	const char *text;
	const char *where; /* "worker.c:12" or "" */
};

struct hi_report_frame {
	const char *function; /* or its address (unwind.h), or NULL */
	const char *module;   /* base name of the file that holds it, or "" */
	const char *where;    /* "worker.c:40" or "" */
	const char *source;   /* that line, or "" */
	bool cleanup;         /* left without what it does at its end */
};

struct hi_report_crash {
	pid_t pid, thread;
	const char *worker;
	unsigned int build;
	const struct hi_image
		*image;     /* of that build, for the history; or NULL */
	const char *signal; /* "SIGSEGV"; NULL: taken out as it ran */
	bool has_address, overflow;
	uint64_t address_remote;
	const char *function; /* that has crashed, as in a frame */
	const char *where;    /* or "" */
	const char *entered;  /* that the host had called, or NULL */
	/* what was done: "hold", "rollback", "return" (the call returned zero, and
	   nothing keeps the next one from the same), "off" (the host dies) */
	const char *action;
	unsigned int to_build; /* of a rollback */
	const char *why; /* "off", "return": what stood in the way, or "" */
	struct hi_report_frame *frames; /* innermost first; then the host's */
	size_t n_frames;
	size_t n_left;            /* how many of them are left */
	size_t n_more;            /* left, but not among them */
	const char *const *locks; /* sentences */
	size_t n_locks;
	size_t times; /* that the same has happened */
};

int hi_report_new(const struct hi_options *options,
		  struct hi_report **ret_report,
		  struct hi_err *err) HI_MUST_USE;
void hi_report_free(struct hi_report *report);
/* What has been said of builds so far. */
struct hi_history *hi_report_get_history(struct hi_report *report);

struct hi_report_built { /* the user's build has ended (builder.h) */
	const char *command;
	int status; /* of it, 128+N when signal N ended it */
	uint64_t took_ns;
	const char *output; /* shown when it failed */
	size_t n_cut;       /* bytes of output that are not there */
};

/*
 * Somebody else writes the messages: TEXT is whole lines; KEY is equal where another
 * process says the same, "" when the text tells; BRIEF is a short form, or "" (fold.h).
 * NULL: they are written here.
 */
typedef void hi_report_listener(void *context, const char *key,
				const char *brief, const char *text);
void hi_report_set_listener(struct hi_report *report,
			    hi_report_listener *listener, void *context);
/* TEXT as it is; a line end is added when BARE. */
void hi_report_write(const struct hi_report *report, const char *text,
		     bool bare);

/* A failure of hotinject itself: sentence and hint. */
void hi_report_error(struct hi_report *report, const struct hi_err *err);
/* Something worth a line that is no event. */
void hi_report_note(struct hi_report *report, const char *format, ...)
	HI_PRINTF(2, 3);
/* As a note, only with -v. */
void hi_report_detail(struct hi_report *report, const char *format, ...)
	HI_PRINTF(2, 3);

/* game (4242): libworker.so has 12 functions in the table; event "ready" */
void hi_report_ready(struct hi_report *report, const char *host, pid_t pid,
		     const char *worker, size_t n_functions);
/* From now on it is about a process that was forked: until there is an event of it, its
   end is none. */
void hi_report_set_unheard(struct hi_report *report);
/* Only with -v: game (4243), forked by 4242, has libworker.so #2; event "ready" with
   "parent", which is sent with the next one, if that is not "exit", or by
   hi_report_release() */
void hi_report_forked(struct hi_report *report, const char *host, pid_t pid,
		      pid_t parent, const char *worker, unsigned int build,
		      size_t n_functions);
void hi_report_release(struct hi_report *report);
/* game (4242): libworker.so is not open yet ...; event "absent" */
void hi_report_absent(struct hi_report *report, const char *host, pid_t pid,
		      const char *worker);
/* libworker.so #2 live: update changed, 11 same (1.9 ms, paused 41 us); or, of a
   dry run, would be live: update changed, 11 same (dry run); event "judged"; or, of
   one that was gone back to, libworker.so back at #2: ...; event "rollback" */
void hi_report_live(struct hi_report *report,
		    const struct hi_report_live *live);
/* libworker.so #3 refused: <the first reason>; each further one on a line of its
   own; the hint last; event "refused" with all; BACK: libworker.so back to #3
   refused, and the event has "rollback" */
void hi_report_refused(struct hi_report *report, pid_t pid, const char *worker,
		       unsigned int build, bool back,
		       const struct hi_reason *reasons, size_t n_reasons,
		       const char *hint);
/* libworker.so is not whole yet: ...; event "ignored" with "reason" */
void hi_report_ignored(struct hi_report *report, pid_t pid, const char *worker,
		       const char *sentence);
/* libworker.so #4 waits: thread 4250 has been in frame_loop() (worker.c:88) for
   0.5 s; WHERE may be ""; event "waiting" */
void hi_report_waiting(struct hi_report *report, pid_t pid, const char *worker,
		       unsigned int build, pid_t thread, const char *function,
		       const char *where, uint64_t since_ns);
/* libworker.so #2 crashed: SIGSEGV at 0x8 in clamp() (worker.c:40); update() returns
   zero until a new build arrives; the frames each on a line of its own; event
   "crash", or "kicked" */
void hi_report_crash(struct hi_report *report,
		     const struct hi_report_crash *crash);
/* "libworker.so is taken up again at #2, ..."; event "ready" */
void hi_report_taken_up(struct hi_report *report, const char *host, pid_t pid,
			const char *worker, unsigned int build,
			size_t n_functions);
/* game (4242) runs on with the build that it has, if that STAYS, else as it did
   before; event "detached" */
void hi_report_detached(struct hi_report *report, const char *host, pid_t pid,
			bool stays);
/* 'make' has run (0.8 s); or its output and 'make' failed with status 2 (0.8 s); event
   "built" */
void hi_report_built(struct hi_report *report,
		     const struct hi_report_built *built);
/* event "exit"; a line only with -v; STATUS is what hotinject will exit with */
void hi_report_exit(struct hi_report *report, pid_t pid, int status);

#endif
