/*
 * signals - what the kernel says of the signals of one thread of the host.
 *
 * Units:     signal sets are the kernel's: bit N-1 is signal N.
 * Errors:    none; a thread that is gone has none.
 * Source:    proc(5), /proc/PID/task/TID/status; signal(7) (default actions).
 */
#ifndef HI_INJECTOR_SIGNALS_H
#define HI_INJECTOR_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Signals that were sent to this thread alone, which does not take them, and that
 * would end a process: by default, or (SIGTERM, SIGINT, SIGQUIT) because that is
 * what they ask for.
 */
uint64_t hi_signals_get_stuck(pid_t pid, pid_t tid);

/* Whether the process has a handler for SIGNAL. */
bool hi_signals_are_caught(pid_t pid, pid_t tid, int signal);

#endif
