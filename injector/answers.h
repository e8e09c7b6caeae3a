/*
 * answers - what the shim's dlsym() gives for functions whose entry cannot be
 * overwritten: their trampolines (preload/dlsym.h).
 */
#ifndef HI_INJECTOR_ANSWERS_H
#define HI_INJECTOR_ANSWERS_H

#include "common/err.h"
#include "injector/remote.h"
#include "injector/worker.h"

/* Publish the answers for WORKER, beside those of other workers; maps memory
   through the held THREAD when there are any. */
int hi_answers_publish(const struct hi_worker *worker, struct hi_host *host,
		       struct hi_thread *thread,
		       const struct hi_shim_place *place,
		       struct hi_err *err) HI_MUST_USE;

#endif
