/*
 * debuginfod - debug information from a server, for elfscan alone: hotinject must not
 * wait for a network, and is linked without this.
 *
 * The library that asks is looked for when it is needed, and only where the user has
 * named servers in DEBUGINFOD_URLS.
 *
 * Threads:   independent calls.
 * Source:    debuginfod_find_debuginfo(3).
 */
#ifndef HI_ELFSCAN_DEBUGINFOD_H
#define HI_ELFSCAN_DEBUGINFOD_H

#include <stddef.h>
#include <stdint.h>

/* The path of the file in the client's cache; owned (free). NULL: there is none. */
char *hi_debuginfod_fetch(const uint8_t *build_id, size_t len);

#endif
