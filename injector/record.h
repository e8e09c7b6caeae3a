/*
 * record - what another hotinject needs to take the host up again, after this one
 * has left or was killed.
 *
 * One file per host, record.PID beside the private copy of a build #1, which the
 * host's maps name:
 *
 *     checksum {"format":2, "pid":.., "start":.., "serial":..}
 *     checksum {"worker":PATH, "number":1, "path":.., "base":.., ...}     a line
 *     checksum {"worker":PATH, "number":2, ...}                      per build
 *     checksum {"entry":{..}}                       what was said of it (history.h)
 *
 * A line is written once its build is live, in one write(2). A build that the host
 * was given without one is taken back by whoever takes the host up. Beside a
 * build's copy, COPY.was holds the bytes that were overwritten in it: offset,
 * length (8 bytes each), bytes.
 *
 * What numbers mean: functions and variables of the worker have the number at which
 * they are in its lists, those of a build that of their symbol. Lists of pairs
 * are flat runs: first of the one, first of the other, how many.
 *
 * Ownership: hi_record_new() gives a record that hi_record_free() ends; the file
 *            stays until its folder goes. Workers must outlive it.
 * Errors:    HI_E_SYS, HI_E_NOMEM; then there is no file: none is better than one
 *            that is out of date.
 * Threads:   one.
 * Source:    proc(5), /proc/PID/stat: starttime.
 */
#ifndef HI_INJECTOR_RECORD_H
#define HI_INJECTOR_RECORD_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "injector/history.h"
#include "injector/worker.h"

#define HI_RECORD_FORMAT 2

struct hi_record;

/* HISTORY, which must outlive it, is recorded as well. */
int hi_record_new(const struct hi_history *history,
		  struct hi_record **ret_record,
		  struct hi_err *err) HI_MUST_USE;
void hi_record_free(struct hi_record *record);

/* From now on it is about this process, of which nothing is recorded yet; one that
   was taken up from a record has that one's SERIAL plus 1, another 1. */
void hi_record_start(struct hi_record *record, pid_t pid, unsigned int serial);
/* WORKER has builds, and the record that is written next has them: before all are
   added, another hotinject would find some of what was taken up, and lose the rest. */
int hi_record_add(struct hi_record *record, const struct hi_worker *worker,
		  struct hi_err *err) HI_MUST_USE;
/* WORKER was adopted in process PID, or has another build since the last time. */
int hi_record_note(struct hi_record *record, pid_t pid,
		   const struct hi_worker *worker,
		   struct hi_err *err) HI_MUST_USE;
/* Write what the history has and the record has not. Where that fails, the next host
   does without. */
void hi_record_say(struct hi_record *record);
/* Nothing of it is in the host any more. */
void hi_record_remove(struct hi_record *record);

/* When the process was started, in clock ticks since the boot; 0: there is none. */
uint64_t hi_record_get_start(pid_t pid);
/* The file about PID in FOLDER, for free(); or NULL without memory. */
char *hi_record_make_path(const char *folder, pid_t pid);
/* The checksum of a line's JSON text. */
uint64_t hi_record_sum(const char *text, size_t len);

#endif
