/*
 * output - bytes to a descriptor that others may use, too.
 *
 * The host shares the terminal, may set it non-blocking, and whoever reads a pipe
 * may be gone; none of this may end hotinject.
 *
 * Errors:    a negative errno; no message.
 * Threads:   one (the signal mask of the calling thread is changed for a moment).
 */
#ifndef HI_INJECTOR_OUTPUT_H
#define HI_INJECTOR_OUTPUT_H

#include <stddef.h>

#include "common/err.h"

/*
 * Write all of BYTES, by one write(2) where the kernel takes them at once. A
 * broken pipe is -EPIPE and raises no signal.
 */
int hi_output_write(int fd, const void *bytes, size_t len) HI_MUST_USE;

#endif
