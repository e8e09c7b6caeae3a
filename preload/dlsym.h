/*
 * dlsym - the interposed dlsym() and dlvsym().
 *
 * A function whose entry cannot be overwritten has its trampoline as its address;
 * dlsym() gives that for it. Every other look-up is passed on with a tail
 * jump, because glibc tells RTLD_NEXT and RTLD_DEFAULT apart by the address that
 * the call returns to. The program's own RTLD_NEXT can be told all the same: what is next
 * to it is next to the shim.
 *
 * Threads:   any; the answers are published by the injector while the host is
 *            stopped.
 * Source:    dlsym(3).
 */
#ifndef HI_PRELOAD_DLSYM_H
#define HI_PRELOAD_DLSYM_H

/* Find the real functions; called again by a look-up that comes before the
   shim's constructor. */
void hi_dlsym_init(void);

#endif
