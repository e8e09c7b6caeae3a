/*
 * loader_parts - what the files of the loader share; nobody else includes it.
 */
#ifndef HI_INJECTOR_LOADER_PARTS_H
#define HI_INJECTOR_LOADER_PARTS_H

#include "injector/loader.h"

/* Of struct hi_shim_load. */
uint64_t hi_loader_load_remote(const struct hi_loader *loader);

/* Read loader->load. */
int hi_loader_read(struct hi_loader *loader, struct hi_err *err) HI_MUST_USE;

/* Wait until the loader's step is beyond STEP; HI_E_BUSY when it takes too long. */
int hi_loader_await_beyond(struct hi_loader *loader, enum hi_load_step step,
			   uint64_t limit_ns, struct hi_err *err) HI_MUST_USE;

#endif
