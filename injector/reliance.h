/*
 * reliance - old code goes on calling what its compiler knew.
 *
 * A compiler that sees a callee relies on the registers that this one leaves alone
 * (gcc: -fipa-ra), and on its not caring for the stack's alignment. An old caller that
 * goes on running after a reload then gets another callee. That is fine when the
 * new one provably changes no more (elfscan/bodies.h); otherwise the old build
 * keeps its own:
 *
 *     code of B that goes on running:        its direct calls lead to
 *       what frames on the stacks return to    - an entry that leads to the new code:
 *       removed functions with pointers          to be proven, or left as it was
 *       and what those call directly           - another: that runs, too
 *
 * What an earlier reload has redirected is undone when the build to come cannot be
 * proven. It is tried again at each reload. While no thread is in old code and
 * nothing was removed, nothing is looked at.
 *
 * Errors:    HI_E_NOMEM, HI_E_INTERNAL; HI_E_HOST when an entry is no longer what
 *            was written there.
 * Threads:   one.
 * Source:    GCC manual, -fipa-ra, -fipa-stack-alignment, -flive-patching.
 */
#ifndef HI_INJECTOR_RELIANCE_H
#define HI_INJECTOR_RELIANCE_H

#include "common/err.h"
#include "injector/freeze.h"
#include "injector/host.h"
#include "injector/publish.h"
#include "injector/worker.h"

/*
 * Judge the patch points that were collected for NEXT: those that are not to be are
 * skipped, undoing ones added, and kept_by of their functions is set. INSIDE may be
 * NULL: no thread is in the worker.
 */
int hi_reliance_judge(struct hi_publish *publish, struct hi_worker *worker,
		      const struct hi_host *host, struct hi_build *next,
		      const struct hi_freeze *inside,
		      struct hi_err *err) HI_MUST_USE;

#endif
