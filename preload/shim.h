/*
 * shim - the one struct of mutable state, and the start inside the host.
 *
 * The shim is mapped through LD_PRELOAD. Its constructor takes itself out of the
 * environment, so that the host's children start without it, and nothing else:
 * binding, loading and publishing are driven from outside.
 *
 * Threads:   see common/shim_abi.h.
 */
#ifndef HI_PRELOAD_SHIM_H
#define HI_PRELOAD_SHIM_H

#include "common/shim_abi.h"

#define HI_EXPORT __attribute__((visibility("default")))

/* The same variable twice: the shim's own code reaches it directly, the injector
   finds it by its exported name. */
extern __attribute__((visibility("hidden"))) struct hi_shim hi_shim;
extern HI_EXPORT struct hi_shim hotinject_shim;

#endif
