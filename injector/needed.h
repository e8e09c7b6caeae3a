/*
 * needed - was an object there from the program's start? Then its names are found
 * in the order of the link map by every reference that is still unbound.
 *
 * Errors:    none: what cannot be read is not needed.
 * Source:    ld.so(8), DT_NEEDED; gABI ch. 5 "Shared Object Dependencies".
 */
#ifndef HI_INJECTOR_NEEDED_H
#define HI_INJECTOR_NEEDED_H

#include <stdbool.h>

#include "injector/host.h"
#include "injector/maps.h"

/* Whether the program needs the object that is mapped at MAP, itself or through
   others that it needs. */
bool hi_needed_at_start(const struct hi_host *host, const struct hi_maps *maps,
			const struct hi_map *map);

#endif
