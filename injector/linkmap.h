/*
 * linkmap - the objects of the host in the order in which ld.so searches them.
 *
 * Errors:    HI_E_HOST when ld.so's list cannot be found.
 * Source:    link.h, struct r_debug and struct link_map; ld.so exports _r_debug.
 */
#ifndef HI_INJECTOR_LINKMAP_H
#define HI_INJECTOR_LINKMAP_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "injector/host.h"
#include "injector/maps.h"

#define HI_LINKMAP_MAX 4096

struct hi_linkmap {
	uint64_t bases[HI_LINKMAP_MAX]; /* l_addr: 0 for an executable that is
					   not position-independent */
	size_t n;
};

int hi_linkmap_read(const struct hi_host *host, const struct hi_maps *maps,
		    struct hi_linkmap *ret_linkmap,
		    struct hi_err *err) HI_MUST_USE;
/* The place of the object with this load address; n when it is not there. */
size_t hi_linkmap_find(const struct hi_linkmap *linkmap, uint64_t base_remote);

#endif
