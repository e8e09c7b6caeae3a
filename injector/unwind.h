/*
 * unwind - the frames of one thread of the host, read from outside.
 *
 * Works on held threads (all registers known) and on sleeping ones (only stack
 * pointer and program counter known, from /proc/PID/task/TID/syscall): where a frame
 * needs a register that is not known, the frames end and "whole" is false.
 *
 * Units:     pc and cfa are host addresses; cfa is the caller's stack pointer.
 * Ownership: hi_unwinder_new() gives an unwinder that hi_unwinder_free() ends.
 * Errors:    HI_E_INTERNAL when libdwfl cannot start.
 * Threads:   one.
 * Source:    elfutils libdwfl.h; DWARF 5 ch. 6.4.
 */
#ifndef HI_INJECTOR_UNWIND_H
#define HI_INJECTOR_UNWIND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

#include "common/err.h"
#include "injector/host.h"

#define HI_FRAMES_MAX 256

struct hi_frame {
	uint64_t pc;     /* for callers: inside the call instruction */
	uint64_t sp;     /* of the frame, 0 when not known */
	bool activation; /* interrupted here: pc is the next instruction */
};

struct hi_frames {
	struct hi_frame frames[HI_FRAMES_MAX];
	size_t n;
	bool whole; /* down to the start of the thread */
};

/* What is known of a thread's registers. */
struct hi_start_regs {
	bool all; /* otherwise only rsp and rip */
	struct user_regs_struct regs;
};

struct hi_unwinder;

int hi_unwinder_new(const struct hi_host *host,
		    struct hi_unwinder **ret_unwinder,
		    struct hi_err *err) HI_MUST_USE;
void hi_unwinder_free(struct hi_unwinder *unwinder);

/* The host has mapped or unmapped something: look again before the next use. */
void hi_unwinder_stale(struct hi_unwinder *unwinder);
/* One file more is mapped, and nothing else has changed. */
void hi_unwinder_add(struct hi_unwinder *unwinder, const char *path,
		     uint64_t start_remote, uint64_t end_remote);
/* Give back what was read of the files whose mappings IS_OLD tells by where they begin;
   what is asked of them later is read anew. */
typedef bool hi_unwinder_is_old(void *context, uint64_t start_remote);
void hi_unwinder_close_old(struct hi_unwinder *unwinder,
			   hi_unwinder_is_old *is_old, void *context);
/* Do the slow part now, while the host runs. */
void hi_unwinder_refresh(struct hi_unwinder *unwinder);

void hi_unwind(struct hi_unwinder *unwinder, pid_t tid,
	       const struct hi_start_regs *start, struct hi_frames *ret_frames);

/* One frame of hi_unwind_each(). */
struct hi_frame_view {
	uint64_t pc; /* where it goes on: the next instruction */
	bool activation;
	/* for hi_frame_get_regs() */
	void *state;
	uint64_t rbx;
};
/* False ends the unwinding. */
typedef bool hi_frame_visit(void *context, const struct hi_frame_view *view);
/* As hi_unwind(), of any number of frames, innermost first. */
void hi_unwind_each(struct hi_unwinder *unwinder, pid_t tid,
		    const struct hi_start_regs *start, hi_frame_visit *visit,
		    void *context);
/*
 * The registers that a call preserves (psABI 3.2.1) and the stack pointer, as they are
 * once the frame goes on; the others of RET_REGS stay as they are. False when one is
 * not known.
 */
bool hi_frame_get_regs(const struct hi_frame_view *view,
		       struct user_regs_struct *ret_regs);

/* The base name of the file that holds PC, or "". */
const char *hi_unwinder_get_module(struct hi_unwinder *unwinder, uint64_t pc);
/* The function that holds PC as its symbol or the debug information says, or NULL. */
const char *hi_unwinder_get_function(struct hi_unwinder *unwinder, uint64_t pc);
/*
 * The same into NAME; or, of one that has none, its address in the file, which begins
 * with a digit: "0x1139 of libworker.2.so", and "..., near start" where a symbol without
 * a size stands before it.
 */
void hi_unwinder_name(struct hi_unwinder *unwinder, uint64_t pc, char *name,
		      size_t size);
/* Where that begins and how long it is; false when it is not known. */
bool hi_unwinder_get_extent(struct hi_unwinder *unwinder, uint64_t pc,
			    uint64_t *ret_start_remote, uint64_t *ret_len);
/* "file.c:12" of PC into WHERE, or "". */
void hi_unwinder_get_where(struct hi_unwinder *unwinder, uint64_t pc,
			   char *where, size_t size);
/* The same as a line's number (0: not known) and the whole PATH. */
int hi_unwinder_get_line(struct hi_unwinder *unwinder, uint64_t pc, char *path,
			 size_t size);

#endif
