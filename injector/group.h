/*
 * group - several processes of hotinject, each with one host, as one program.
 *
 *     head      has the terminal: it writes what all say, folded, and is there until
 *               the last member has ended
 *     members   look after one host each. They send what they say to the head, and
 *               let go of their hosts when it ends or lets the leash go
 *
 * Any of them may fork another member.
 *
 * Ownership: hi_group_new() gives a group that hi_group_free() ends, in each of its
 *            processes. The report must live longer.
 * Errors:    HI_E_SYS; HI_E_BUSY when there are too many members, which is said once.
 * Threads:   one in each process.
 * Source:    pidfd_open(2), unix(7): SOCK_SEQPACKET, epoll(7).
 */
#ifndef HI_INJECTOR_GROUP_H
#define HI_INJECTOR_GROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "injector/report.h"
#include "injector/ways.h"

/* Hosts, in all. */
#define HI_GROUP_MAX 256

struct hi_group;

/* The caller becomes the head; REPORT speaks through the group from now on. */
int hi_group_new(struct hi_report *report, struct hi_group **ret_group,
		 struct hi_err *err) HI_MUST_USE;
void hi_group_free(struct hi_group *group);

/* Whom messages of this process are about. */
void hi_group_set_host(struct hi_group *group, const char *name, pid_t pid);

/* As fork(2): 0 in the new member, which has the report of its parent. */
pid_t hi_group_fork(struct hi_group *group, struct hi_err *err) HI_MUST_USE;
bool hi_group_is_head(const struct hi_group *group);

/* Polls readable when hi_group_run() has something to do. */
int hi_group_get_fd(const struct hi_group *group);
/* Write what members have said, and notice who has ended. */
void hi_group_run(struct hi_group *group);
/* The head: how many members there are. */
size_t hi_group_count(const struct hi_group *group);
/* A member: whether its host is to be let go. */
bool hi_group_is_over(const struct hi_group *group);
/* The head: all members are to let go of their hosts. */
void hi_group_let_go(struct hi_group *group);
/* The ways back of all of them; and to have each look at them: its hi_group_get_fd()
   polls readable. */
struct hi_ways *hi_group_get_ways(const struct hi_group *group);
void hi_group_call(const struct hi_group *group);
/* How many members that this process forked have failed: status 125. */
size_t hi_group_count_failed(const struct hi_group *group);

#endif
