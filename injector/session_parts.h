/*
 * session_parts - what the files of a session share, and nobody else.
 *
 * session.c          start, loop, end
 * session_signals.c  signals for hotinject or the host
 * session_worker.c   the worker in the host: found, adopted
 * session_reload.c   another build of it, or none any more
 * session_news.c     the worker's file has changed, or was opened
 * session_enter.c    the shim brought into a process that runs
 * session_takeup.c   a host that has builds of an earlier session
 * session_leave.c    the host left as it was, or with what it needs
 * session_hosts.c    which process is the host, and what processes report
 * session_forks.c    the processes that the host forks
 * session_newborn.c  what they need before another looks after them
 * session_family.c   all of them go back together
 * session_guard.c    crashes in the worker
 * session_control.c  what is asked from another terminal
 * session_rollback.c a build that was live before, live again
 * session_tell.c     what there is to say of the host
 * session_inside.c   which threads are inside the worker
 * session_lend.c     the host in gdb
 *
 * Ownership: as session.h says.
 * Errors:    reported where they come up, or left to the caller through ERR.
 * Threads:   one.
 */
#ifndef HI_INJECTOR_SESSION_PARTS_H
#define HI_INJECTOR_SESSION_PARTS_H

#include <signal.h>
#include <sys/stat.h>

#include "injector/bind.h"
#include "injector/brood.h"
#include "injector/cli.h"
#include "injector/clock.h"
#include "injector/control.h"
#include "injector/follow.h"
#include "injector/guard.h"
#include "injector/group.h"
#include "injector/loader.h"
#include "injector/message.h"
#include "injector/plan.h"
#include "injector/record.h"
#include "injector/record_read.h"
#include "injector/reload.h"
#include "injector/report.h"
#include "injector/shim_place.h"
#include "injector/watch.h"
#include "injector/worker.h"

#define WORKERS_MAX 64

/* How long after an opening of the file the host's mapping is looked for. */
#define HI_SESSION_LOOK_NS (3ULL * HI_NS_PER_S)

/* Processes that are remembered until they are let go; others are not followed. */
#define HI_SESSION_ELDER_MAX 64

/* Crashes that wait to be told, and places that are told from each other. */
#define HI_CRASHES_MAX  16
#define HI_CRASH_PLACES 16

struct hi_crash_place {
	uint64_t pc, entered_pc;
	int signal;
	size_t times;
};

/* One worker of the host. */
struct charge {
	struct hi_worker *worker;
	struct hi_watch *watch;
	struct hi_used used;
	bool late;
	char said[sizeof(((struct hi_err *)NULL)->sentence)]; /* the failure */
	bool missed; /* the host has closed it; to be said when it stays so */
	uint64_t look_until_ns; /* the file was opened: is it mapped? */
	uint64_t look_at_ns;
	struct stat seen; /* of the file, when it was looked at last */
	/* in which the host went back by itself, or NULL */
	const struct hi_function *rolled_back;
	unsigned int going_back; /* to this build; 0: not */
	uint64_t changed_ns;     /* another build went live; 0: not yet */
	bool limited; /* it has been said that the file is only looked at */
};

struct session {
	const struct hi_options *options;
	struct hi_report *report;
	struct hi_snapshots *snapshots;
	struct hi_record *record;
	char *old_folder; /* of the session before, which the host was under */
	struct hi_followed self; /* the host, or who may become it */
	struct hi_follow follow;
	pid_t root_pid; /* that was started; it may start the host */
	pid_t family;   /* the same, also of what was forked since */
	int root_status;
	bool root_ended;
	uint64_t root_end_ns;
	struct hi_unwinder *unwinder;
	struct hi_stacks stacks;
	struct hi_loader loader;
	struct hi_shim_place place;
	bool placed;  /* the shim is known to be in the host */
	bool settled; /* this one has the worker: its forks are not followed */
	char *shim_path;
	struct charge charges[WORKERS_MAX];
	size_t n_charges;
	int signal_fd;
	bool terminal_stop;     /* the terminal has sent SIGTSTP */
	bool leaving;           /* the host is let go */
	struct hi_group *group; /* NULL: there is no other process of ours */
	bool own_group;         /* it ends with this session */
	bool member;    /* looks after a fork of the host of another session */
	bool stillborn; /* a member that has nothing to look after */
	pid_t heir;     /* a new member: the fork that it is to look after */
	size_t n_areas; /* when the reload that is under way began */
	uint64_t announce_ns; /* a member: its host has lived for a while then */
	struct hi_brood brood;
	/* forked before the worker was found, and have it */
	pid_t elder[HI_SESSION_ELDER_MAX];
	size_t n_elder;
	bool fresh; /* a new member: nothing is known of its host */
	sigset_t old_mask;
	struct hi_control *control; /* NULL: nobody can ask */
	unsigned int leavers; /* clients that want it let go, a bit each */
	bool lent;            /* gdb has the host */
	bool reloading;       /* and perhaps waiting for its threads */
	uint64_t ways_at;     /* ways back of the family that are known */
	struct hi_crash crashes[HI_CRASHES_MAX];
	size_t n_crashes;
	struct hi_crash_place crash_places[HI_CRASH_PLACES];
	size_t next_crash_place;
	uint64_t hang_at_ns; /* threads that are still inside are taken out */
};

/* --- session_signals.c --- */

/* Watch for signals that a wrapper passes on: anew in a process that was forked, or
   instead of their usual effect. */
int hi_session_open_signals(struct session *session,
			    struct hi_err *err) HI_MUST_USE;
int hi_session_block_signals(struct session *session,
			     struct hi_err *err) HI_MUST_USE;
/* Those that hotinject got are passed on, or end the session. */
void hi_session_on_signals(struct session *session);
/* The same of those that come while others are waited for. */
bool hi_session_is_told_to_end(struct session *session);
/*
 * The terminal's ^Z goes to hotinject and the host alike. When the host has stopped,
 * hotinject stops, too, so that the shell has its prompt; both are continued
 * together. A host that is stopped by somebody else is none of our business.
 */
void hi_session_stop_with_host(struct session *session);

/* --- session_worker.c --- */

/* Nothing is known of the process that is looked after from now on. */
void hi_session_forget(struct session *session);
/* Make its shim ready for use; THREAD is held. */
int hi_session_place(struct session *session, struct hi_thread *thread,
		     struct hi_err *err) HI_MUST_USE;
/* Whether the process runs the worker; who only reads the file does not. */
bool hi_session_has_worker(const struct hi_host *host,
			   const struct charge *charge);
/* Look whether the host has the worker now, and take it; HELD is a thread before
   the program's first instruction, or NULL. */
void hi_session_look_for(struct session *session, struct charge *charge,
			 struct hi_thread *held, bool say_absent);
/* Whoever comes after this session finds in the record what the host has of it. */
void hi_session_note(struct session *session, const struct charge *charge);
/* What the file is like now: news of it are of another. */
void hi_session_note_file(struct charge *charge);

/* --- session_reload.c --- */

/* The worker's file, which may be a new build, is looked at: made ready for it, which
   the caller may change; done; both. */
struct hi_reload hi_session_make_reload(struct session *session,
					struct charge *charge,
					uint64_t seen_ns);
void hi_session_run_reload(struct session *session, struct charge *charge,
			   struct hi_reload *one);
void hi_session_reload(struct session *session, struct charge *charge,
		       uint64_t seen_ns);
/* Somebody has opened the file: the host, that reopens it? */
void hi_session_check(struct session *session, struct charge *charge);

/* --- session_news.c --- */

/* Say once why news of the file may be late. */
void hi_session_tell_limitation(struct session *session, struct charge *charge);
/* The watch of the worker's file has news. */
void hi_session_on_watch(struct session *session, struct charge *charge);
/* Look once more where an opened file may be mapped by now, and when that is due:
   milliseconds, -1 for never. */
void hi_session_look_again(struct session *session);
int hi_session_next_timeout_ms(const struct session *session);
/* The session is another one's fork: what it has missed of the file is made up for. */
void hi_session_begin_again(struct session *session, struct charge *charge,
			    pid_t parent);

/* --- session_enter.c --- */

/* Bring the shim into a process that runs without it, and take the workers that it
   has. */
int hi_session_enter(struct session *session, struct hi_err *err) HI_MUST_USE;

/* --- session_takeup.c --- */

/* A host that has builds already. */
struct hi_takeup {
	struct hi_recorded recorded; /* path NULL: it has none */
	struct hi_plan plan;         /* what is to be mended in it */
};

/* Restore its workers, if HAS_SHIM; the host is only read. */
int hi_session_read_record(struct session *session, bool has_shim,
			   struct hi_takeup *takeup,
			   struct hi_err *err) HI_MUST_USE;
/* The shim has been placed: go on with them. */
int hi_session_take_up(struct session *session, struct hi_takeup *takeup,
		       struct hi_err *err) HI_MUST_USE;
void hi_session_end_takeup(struct hi_takeup *takeup);

/* --- session_leave.c --- */

/* Leave the host as if nothing had been there, unless newer code is live in it; say
   which. */
void hi_session_leave(struct session *session);

/* --- session_hosts.c --- */

/* The hooks of every process that is followed (host.h). */
void hi_session_on_exec(void *context, struct hi_host *host,
			struct hi_thread *thread);
bool hi_session_on_signal(void *context, struct hi_host *host,
			  struct hi_thread *thread, int signal);
bool hi_session_on_stranger(void *context, const struct hi_stop *stop);
/* Another of the processes that are followed may have opened the worker. */
void hi_session_look_around(struct session *session,
			    const struct charge *charge);
/* Forget the processes that have ended, but for the one that is looked after. */
void hi_session_clean(struct session *session);
/* That one has ended: look after another. False when there is none. */
bool hi_session_hand_on(struct session *session);
/* The started script has ended, and what it left does not look like the host. */
bool hi_session_is_hopeless(const struct session *session);

/* --- session_forks.c --- */

/* What was forked before the worker was found has it: a host beside the others. */
void hi_session_hand_over(struct session *session,
			  struct hi_relative *relative);
/* Whether there is none of them that is not looked after yet. */
bool hi_session_has_no_forks(const struct session *session);
/*
 * Have those that the host forked looked after: that are old enough, or all when
 * EARLY. True in a new process, for which the host has ended; it goes on with
 * hi_session_take_heir() as soon as nobody works with the host.
 */
bool hi_session_follow_forks(struct session *session, bool early) HI_MUST_USE;
/* SESSION is the fork's from now on (or stillborn). */
void hi_session_take_heir(struct session *session);
/* There is no other process of ours any more that may read the builds' copies. */
void hi_session_unshare_copies(struct session *session);
/* Of the tables of all workers. */
size_t hi_session_count_areas(const struct session *session);

/* --- session_newborn.c --- */

/*
 * Where only forefathers may trace a process, it says itself that ours, and what this
 * process forks, may, too. True: its first thread is held.
 */
bool hi_session_allow_us(struct session *session, struct hi_host *host);
/* clone(2) with CLONE_VM: no host of its own. Where it cannot be told, it is one. */
bool hi_session_shares_memory(const struct session *session, pid_t pid);
/*
 * SIGNAL is about to end a process that nobody looks after yet. True when it goes on
 * without it, to come to the same place soon, when somebody does.
 */
bool hi_session_put_off_crash(struct session *session, struct hi_host *host,
			      struct hi_thread *thread, int signal);

/* --- session_family.c --- */

/*
 * The worker has gone back FROM another build, because of a crash or because it was
 * asked to. After a crash all others of its family go after it; else whoever asks tells
 * them, and only those that are just being forked have to know.
 */
void hi_session_go_ahead(struct session *session, const struct charge *charge,
			 const struct hi_content *from, bool crashed);
/* Go where others have gone, if any. */
void hi_session_go_after(struct session *session);
/* The head of a group: write what the others say, until they have ended. */
void hi_session_attend(struct session *session);

/* --- session_guard.c --- */

/* SIGNAL is about to be delivered to THREAD. True when the thread goes on without it. */
bool hi_session_on_crash(struct session *session, struct hi_thread *thread,
			 int signal);
/*
 * Take a thread out of the worker, or all that are inside when TID is 0; of OLD builds
 * only, or of any. How many were, or the reason why one cannot be.
 */
int hi_session_kick(struct session *session, pid_t tid, bool old,
		    struct hi_err *err) HI_MUST_USE;
/* --hang: threads that are inside have that long from now on; and the end of it. */
void hi_session_watch_hang(struct session *session, uint64_t since_ns);
void hi_session_end_hang(struct session *session, bool old);
/* Say what there was, and do what takes longer; nothing is stopped, but a build may
   wait. */
void hi_session_settle_crashes(struct session *session);

/* --- session_control.c --- */

/* Be there for commands; without a socket the session does without. */
void hi_session_open_control(struct session *session);
/* Do and answer what was asked; never waits for a client. */
void hi_session_on_control(struct session *session);
/* Signals and commands while a reload waits for the host's threads; CONTEXT is the
   session. True when the host is to be let go. */
bool hi_session_attend_to(void *context);
/* Whether the host can be let go now: it may be only starting. */
bool hi_session_may_leave(const struct session *session);
/* The host has been let go: those who wanted it hear so. */
void hi_session_answer_leavers(struct session *session);

/* --- session_rollback.c --- */

/*
 * Have the worker's build NUMBER, which was live before, live again: true when it is,
 * or was all the time. What came of it has been said.
 */
bool hi_session_roll_back(struct session *session, struct charge *charge,
			  unsigned int number) HI_MUST_USE;
/* The command: a new answer. */
json_t *hi_session_answer_rollback(struct session *session,
				   const struct hi_request *request);

/* --- session_tell.c --- */

/* "libworker.so #2 live: update changed, 11 same", of an entry of the history; true
   when it was refused, or is not whole. */
bool hi_session_add_verdict(struct hi_buf *text, const json_t *entry);
/* New objects: the answers to "status" and "history". */
json_t *hi_session_tell_status(struct session *session);
json_t *hi_session_tell_history(const struct session *session);

/* --- session_inside.c --- */

/* Add to OBJECT which threads are inside which build of a worker that the host has. */
void hi_session_tell_inside(struct session *session,
			    const struct charge *charge, json_t *object);

/* --- session_lend.c --- */

/* CLIENT runs gdb on the host: let go of it until the client has left. */
void hi_session_lend(struct session *session, int client);

#endif
