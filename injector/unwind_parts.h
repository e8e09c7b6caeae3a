/*
 * unwind_parts - the unwinder itself, for the files that it is made of; nobody else
 * includes it.
 *
 * unwind.c        frames
 * unwind_name.c   what stands at an address: file, function, line
 * unwind_close.c  files that are read no more
 */
#ifndef HI_INJECTOR_UNWIND_PARTS_H
#define HI_INJECTOR_UNWIND_PARTS_H

#include <elfutils/libdwfl.h>

#include "injector/unwind.h"

/* Of the host's memory, read at once: frames lie close to each other. */
#define HI_UNWIND_WINDOW 4096

struct hi_unwinder {
	const struct hi_host *host;
	Dwfl *dwfl;
	bool apart; /* names of its mappings are its own */
	bool fresh;
	bool attached;
	/* of the unwinding that goes on */
	pid_t tid;
	const struct hi_start_regs *start;
	uint64_t window_at; /* 0: nothing was read */
	unsigned char window[HI_UNWIND_WINDOW];
};

/* Modules have been reported: find_elf() is to know whose they are. */
void hi_unwinder_own(struct hi_unwinder *unwinder);

#endif
