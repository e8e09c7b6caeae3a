/*
 * pin - private copies in place of the mappings of the worker's file, and back.
 *
 * A file that is rewritten in place changes under everyone who maps it, and a
 * shorter one turns the pages behind its end into SIGBUS. Text and read-only data
 * are mapped again from the snapshot, which holds the same bytes; the data segment
 * is moved to anonymous memory. No thread may run meanwhile.
 *
 * Errors:    HI_E_SYS; what is pinned so far stays pinned, which changes nothing.
 * Source:    mmap(2), mremap(2).
 */
#ifndef HI_INJECTOR_PIN_H
#define HI_INJECTOR_PIN_H

#include "common/err.h"
#include "injector/build.h"
#include "injector/host.h"
#include "injector/maps.h"
#include "injector/remote.h"

int hi_pin(const struct hi_build *build, struct hi_host *host,
	   struct hi_thread *thread, const struct hi_shim_place *place,
	   const struct hi_maps *maps, struct hi_err *err) HI_MUST_USE;

/*
 * The other way round: the file at PATH, known by DEV and INO to hold what the
 * snapshot does, is mapped where it was. HI_E_HOST when the host finds another file
 * there.
 */
int hi_unpin(const struct hi_build *build, const char *path, dev_t dev,
	     ino_t ino, struct hi_host *host, struct hi_thread *thread,
	     const struct hi_shim_place *place, const struct hi_maps *maps,
	     struct hi_err *err) HI_MUST_USE;

#endif
