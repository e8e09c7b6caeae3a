/*
 * reload - the life of one candidate:
 *
 *     snapshot -> scan -> judge -> load -> relink -> freeze -> publish -> thaw
 *
 * Errors:    a build that cannot go live is reported and leaves no trace in the
 *            host; the next one starts afresh.
 */
#ifndef HI_INJECTOR_RELOAD_H
#define HI_INJECTOR_RELOAD_H

#include "injector/bind.h"
#include "injector/cli.h"
#include "injector/loader.h"
#include "injector/record.h"
#include "injector/report.h"
#include "injector/snapshot.h"
#include "injector/stacks.h"
#include "injector/watch.h"
#include "injector/worker.h"

struct hi_reload {
	const struct hi_options *options;
	struct hi_report *report;
	struct hi_snapshots *snapshots;
	struct hi_record *record;
	struct hi_host *host;
	struct hi_unwinder *unwinder;
	struct hi_stacks *stacks;
	struct hi_loader *loader;
	struct hi_worker *worker;
	const struct hi_used *used; /* what the host refers to */
	struct hi_watch *watch;     /* a newer candidate ends the waiting */
	uint64_t seen_ns;           /* when the file was complete */
	/* The build of the worker's to go back to; NULL: the worker's file is
	   looked at. */
	const struct hi_build *back;
	bool asked; /* the file is taken, also when the user went back from what
		       is in it */
	bool late;  /* the host ran before the worker was adopted */
	/* Before each try to go live. False: this process has nothing to do with
	   the host any more; or NULL. */
	bool (*before_try)(void *context);
	/* With everything stopped. False: another try is worth it; or NULL. */
	bool (*before_commit)(void *context);
	/* called again and again while threads are waited for; true: give up */
	bool (*attend)(void *context);
	void *context;
	bool busy; /* out: live, but a thread was inside the build before */
};

enum hi_reload_end {
	HI_RELOAD_DONE,   /* live, refused or ignored, and reported */
	HI_RELOAD_NEWER,  /* the waiting for the host was ended by a newer file,
			    or given up */
	HI_RELOAD_CLOSED, /* the host no longer has the worker */
};

enum hi_reload_end hi_reload_run(struct hi_reload *reload);

/* HI_E_CLOSED when the host no longer has the worker. */
int hi_reload_check(struct hi_reload *reload, struct hi_err *err) HI_MUST_USE;

#endif
