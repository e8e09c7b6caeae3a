/*
 * verdict_virtual - objects that are known by a table of functions alone.
 *
 * What hangs from a pointer to a base class, from a trait object of Rust, or from a
 * pointer that a callback of C is given, has a layout that no variable and no exported
 * function names. But whoever has such a table may have made objects that lead to it,
 * and a new function gets the old objects.
 *
 * Errors:    none: what is not known fits. What does not goes to the reasons.
 * Threads:   one.
 * Source:    Itanium C++ ABI ch. 2.5.
 */
#ifndef HI_INJECTOR_VERDICT_VIRTUAL_H
#define HI_INJECTOR_VERDICT_VIRTUAL_H

#include "injector/reasons.h"
#include "injector/worker.h"

/* Compare BUILD, which is matched, with the current one. */
void hi_verdict_virtual(const struct hi_worker *worker,
			const struct hi_build *build,
			struct hi_reasons *reasons);

#endif
