/*
 * record_read - the record of a host that is to be taken up again (record.h).
 *
 * Ownership: hi_recorded_done() releases what find has filled; a worker owns what was
 *            restored into it.
 * Errors:    HI_E_HOST with what does not fit, in words that go on after "cannot be
 *            taken up again: "; HI_E_NOMEM; those of elfscan.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_RECORD_READ_H
#define HI_INJECTOR_RECORD_READ_H

#include <jansson.h>
#include <stdbool.h>

#include "common/err.h"
#include "injector/history.h"
#include "injector/host.h"
#include "injector/maps.h"
#include "injector/worker.h"

struct hi_recorded {
	char *path;    /* of the file */
	json_t *lines; /* all but the first, oldest first */
	unsigned int serial;
};

/*
 * The newest record about the process in any folder that its MAPS name. Fails when
 * there is none, or it is not about this process.
 */
int hi_recorded_find(pid_t pid, const struct hi_maps *maps,
		     struct hi_recorded *ret_recorded,
		     struct hi_err *err) HI_MUST_USE;
void hi_recorded_done(struct hi_recorded *recorded);

/* The path of a worker that is recorded, from AT on; NULL when there is no more. */
const char *hi_recorded_get_worker(const struct hi_recorded *recorded,
				   size_t *at);

/* Whether the host maps the build #1 that the record has of a worker: else it has closed
   it, and its later copies may be gone with the session that made them. */
bool hi_recorded_is_open(const struct hi_recorded *recorded, const char *path,
			 const struct hi_maps *maps);

/*
 * Fill WORKER, which is as hi_worker_new() made it, with the builds that the record
 * has of PATH. The host has not been looked at. On failure WORKER is to be reset.
 */
int hi_recorded_restore(const struct hi_recorded *recorded, const char *path,
			struct hi_worker *worker,
			struct hi_err *err) HI_MUST_USE;

/* What was said of builds; of one whose verdict was not recorded, that it went live. */
void hi_recorded_tell(const struct hi_recorded *recorded,
		      struct hi_history *history);

#endif
