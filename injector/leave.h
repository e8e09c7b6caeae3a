/*
 * leave - a worker of which build #1 is the only one becomes again what it was
 * before hotinject came.
 *
 *     unbind  slots that lead to trampolines -> the worker's own functions
 *     unpin   private copies -> the worker's file, where that is still the same
 *     unmap   the table
 *
 * Errors:    HI_E_BUSY when a thread cannot be stopped or is at a trampoline, or
 *            the host may have kept a trampoline as a function's address; HI_E_HOST
 *            when the worker's file is no longer the one that was mapped. On failure
 *            all stays in force.
 * Threads:   one; a thread of the host is held, and all others that can be.
 * Source:    mmap(2), munmap(2).
 */
#ifndef HI_INJECTOR_LEAVE_H
#define HI_INJECTOR_LEAVE_H

#include "common/err.h"
#include "injector/host.h"
#include "injector/maps.h"
#include "injector/remote.h"
#include "injector/worker.h"

int hi_leave(const struct hi_worker *worker, struct hi_host *host,
	     struct hi_thread *thread, const struct hi_shim_place *place,
	     const struct hi_maps *maps, struct hi_err *err) HI_MUST_USE;

#endif
