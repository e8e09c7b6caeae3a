/*
 * crash_tell - a crash in words: functions, places in the source, locks.
 *
 * Ownership: hi_crash_tell() fills a value that hi_crash_tell_done() ends.
 * Errors:    what is not known is left out.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_CRASH_TELL_H
#define HI_INJECTOR_CRASH_TELL_H

#include "injector/guard.h"
#include "injector/report.h"

#define HI_TOLD_FRAMES (HI_ESCAPE_FRAMES + 1)

struct hi_told {
	struct hi_report_crash report;
	struct hi_report_frame frames[HI_TOLD_FRAMES];
	char where[HI_TOLD_FRAMES][128];
	char source[HI_TOLD_FRAMES][128];
	char name[HI_TOLD_FRAMES][256];
	char locks[HI_HELD_LOCKS_MAX + 1][240];
	const char *lock_list[HI_HELD_LOCKS_MAX + 1];
	char worker_where[128], worker_name[256], entered_name[256];
};

/* All but what was done about it. */
void hi_crash_tell(const struct hi_crash *crash, const struct hi_host *host,
		   struct hi_unwinder *unwinder, struct hi_told *ret_told);
void hi_crash_tell_done(struct hi_told *told);

#endif
