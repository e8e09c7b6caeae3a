/*
 * reload_parts - one candidate on its way, for the files of the reload; no one else
 * includes it.
 */
#ifndef HI_INJECTOR_RELOAD_PARTS_H
#define HI_INJECTOR_RELOAD_PARTS_H

#include "injector/relink.h"
#include "injector/reload.h"
#include "injector/verdict.h"

/* What one candidate has come to. */
struct hi_candidate {
	struct hi_reload *reload;
	unsigned int number;
	struct hi_build *build;
	struct hi_snapshot *snapshot; /* under way; NULL once it is done */
	struct hi_identity file;      /* that was copied */
	struct hi_reasons reasons;
	struct hi_report_state counts;
	struct hi_relink relink;
	bool started;  /* the host's loader is at it */
	bool mapped;   /* the loader waits for a word */
	bool begun;    /* its code has run, perhaps in part */
	bool ready;    /* for a swap: see read_ahead() */
	bool newer;    /* ended by a newer file, or given up */
	bool replaced; /* the former, of a build that was to be gone back to */
	bool passing;  /* the file changed while it was read */
	bool whole;    /* all of it has been read */
	bool ending;   /* the host is, which is reported soon */
	bool waiting;  /* it has been said who is inside the worker */
	unsigned int n_forked; /* tries that a fork of the host came amid */
	uint64_t live_ns, pause_ns;
	bool busy;
};

/* A failure to take a file that is not whole yet, or gone between the news of it and
   the look at it. */
bool hi_candidate_is_passing(const struct hi_err *err);

/* --- reload_back.c --- */

/* Copy the file, or that of a build to go back to. */
int hi_candidate_copy(struct hi_candidate *candidate,
		      struct hi_err *err) HI_MUST_USE;
/* Whether the file, of which SNAPSHOT is a copy, holds what the user went back from,
   and was not asked for. */
bool hi_candidate_is_aside(const struct hi_candidate *candidate,
			   struct hi_snapshot *snapshot);
/* The same of what was refused last, when the file has not been touched since. */
bool hi_candidate_is_refused(const struct hi_candidate *candidate,
			     struct hi_snapshot *snapshot);
/* It is refused. */
void hi_candidate_note_refused(const struct hi_candidate *candidate);
/* While a build waits to be gone back to: whether the file has nothing newer. */
bool hi_candidate_is_no_news(const struct hi_candidate *candidate,
			     struct hi_snapshot *snapshot);
/* Open a build to go back to; false when there is nothing to go on with. */
bool hi_candidate_take_back(struct hi_candidate *candidate,
			    struct hi_err *err) HI_MUST_USE;
/* It is live: where one goes back to from it. */
void hi_candidate_note_way(const struct hi_candidate *candidate,
			   const struct hi_build *previous);

/* --- others --- */

/* Begin to have the host load it; ALONE: it waits for nothing that others hold. */
int hi_candidate_start_load(struct hi_candidate *candidate, bool alone,
			    struct hi_err *err) HI_MUST_USE;
/* Map it, run its constructors on itself alone, join it to what lives. */
int hi_candidate_load(struct hi_candidate *candidate,
		      struct hi_err *err) HI_MUST_USE;
/*
 * Try until no thread is inside the worker. After --wait: say who is, and swap at
 * the entries (--busy=swap) or go on waiting.
 */
int hi_candidate_publish(struct hi_candidate *candidate,
			 struct hi_err *err) HI_MUST_USE;
/* Say that it is live, and what is new in it since PREVIOUS. */
void hi_candidate_report_live(const struct hi_candidate *candidate,
			      const struct hi_build *previous);

#endif
