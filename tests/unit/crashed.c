#include "tests/unit/crashed.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "injector/clock.h"
#include "tests/unit/fixture.h"

#define DEADLINE_NS (10 * HI_NS_PER_S)
#define N_BUSY      2

/* A system call for hi_remote_syscall(). */
extern const char call_kernel[];
__asm__(".text\n"
	"call_kernel: syscall\n"
	"ret\n");

/* --- the host ---------------------------------------------------------------- */

struct crasher {
	struct hi_crashed_shared *shared;
	const struct hi_crashed_story *story;
	int which, start, news;
};

static void *run_crasher(void *context)
{
	const struct crasher *me = context;
	volatile int times = 0;
	void *volatile own;
	char byte;

	me->shared->crasher[me->which] = gettid();
	me->shared->thread[me->which] = pthread_self();
	own = malloc(HI_CRASHED_SMALL);
	free(own);
	me->shared->ready[me->which] = true;
	if (me->start >= 0 && read(me->start, &byte, 1) != 1)
		_exit(1);
	if (me->story->before)
		me->story->before(me->shared);
	/* registers that can be read, as those of setjmp(3) cannot */
	/* cppcheck-suppress getcontextCalled */
	getcontext(&me->shared->back[me->which]);
	if (times++ == 0)
		me->story->crash[me->which](me->shared);
	if (write(me->news, "b", 1) != 1)
		_exit(1);
	for (;;)
		pause();
	return NULL;
}

static void *run_busy(void *context)
{
	for (;;) {
		void *volatile some = malloc(HI_CRASHED_BIG);

		free(some);
	}
	return context;
}

static void make_threads(const struct hi_crashed_story *story,
			 struct hi_crashed_shared *shared, int start, int news)
{
	static struct crasher crashers[2];
	pthread_t thread;

	for (int i = 0; story->busy && i < N_BUSY; i++)
		pthread_create(&thread, NULL, run_busy, NULL);
	/* the first crashes at once, and no more threads can be made */
	for (int i = 1; i >= 0; i--) {
		crashers[i] = (struct crasher){ shared, story, i,
						i ? start : -1, news };
		if (!story->crash[i])
			continue;
		pthread_create(&thread, NULL, run_crasher, &crashers[i]);
		while (!shared->ready[i])
			sched_yield();
	}
}

/* All of malloc has one lock. */
static void run_host(const struct hi_crashed_story *story,
		     struct hi_crashed_shared *shared, int order, int start,
		     int news)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGABRT, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	if (!freopen("/dev/null", "w", stdout) ||
	    !freopen("/dev/null", "w", stderr))
		_exit(1);
	mallopt(M_ARENA_MAX, 1);
	if (read(order, &byte, 1) != 1)
		_exit(1);
	make_threads(story, shared, start, news);
	for (;;) {
		if (read(order, &byte, 1) != 1)
			_exit(1);
		story->use(shared);
		if (write(news, "u", 1) != 1)
			_exit(1);
	}
}

/* --- the test -------------------------------------------------------------------- */

static bool on_signal(void *context, struct hi_host *host,
		      struct hi_thread *thread, int signal)
{
	struct hi_crashed *subject = context;

	(void)host;
	if (signal != SIGSEGV && signal != SIGABRT)
		return false;
	ck_assert_uint_lt(subject->n_stopped, 2);
	subject->stopped[subject->n_stopped++] = thread->tid;
	thread->wanted = true;
	return true;
}

static void tell(int fd)
{
	ck_assert_int_eq(write(fd, "o", 1), 1);
}

void hi_crashed_tell(const struct hi_crashed *subject)
{
	tell(subject->order);
}

bool hi_crashed_await(const struct hi_crashed *subject, char word,
		      uint64_t lock)
{
	uint64_t start = hi_clock_ns();
	char path[64], text[64] = "", want[64], byte = 0;

	snprintf(path, sizeof(path), "/proc/%d/syscall", subject->host->pid);
	snprintf(want, sizeof(want), "%d %#lx ", SYS_futex, lock);
	while (hi_clock_ns() - start < DEADLINE_NS) {
		struct pollfd poll_it = { subject->news, POLLIN, 0 };
		FILE *file;

		hi_host_pump(subject->host);
		ck_assert(!subject->host->ended);
		if (poll(&poll_it, 1, 1) == 1) {
			ck_assert_int_eq(read(subject->news, &byte, 1), 1);
			ck_assert_int_eq(byte, word);
			return true;
		}
		file = lock ? fopen(path, "re") : NULL;
		if (file && fgets(text, sizeof(text), file) &&
		    !strncmp(text, want, strlen(want))) {
			fclose(file);
			return false;
		}
		if (file)
			fclose(file);
	}
	ck_abort_msg("the host hangs: no '%c'", word);
}

static void await_crashes(struct hi_crashed *subject, size_t n)
{
	uint64_t start = hi_clock_ns();

	while (subject->n_stopped < n) {
		hi_host_pump(subject->host);
		ck_assert(hi_clock_ns() - start < DEADLINE_NS);
		hi_clock_nap_us(100);
	}
}

static void start(struct hi_crashed *subject,
		  const struct hi_crashed_story *story)
{
	int order[2], second[2], news[2];
	struct hi_err err;
	pid_t pid;

	memset(subject, 0, sizeof(*subject));
	subject->shared = mmap(NULL, sizeof(*subject->shared),
			       PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(subject->shared != MAP_FAILED);
	ck_assert_int_eq(pipe2(order, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(second, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(news, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		run_host(story, subject->shared, order[0], second[0], news[1]);
	subject->order = order[1];
	subject->second = second[1];
	subject->news = news[0];
	subject->host = hi_host_new(pid);
	ck_assert_int_eq(hi_tracee_seize(pid, &err), 0);
	ck_assert_int_eq(hi_host_reopen(subject->host, &err), 0);
	ck_assert_ptr_nonnull(hi_host_add_thread(subject->host, pid));
	subject->host->hooks.context = subject;
	subject->host->hooks.on_signal = on_signal;
	subject->place.stack_remote =
		(uint64_t)(subject->shared->stack + HI_CRASHED_STACK_LEN);
	subject->place.shim.syscall_remote = (uint64_t)call_kernel;
	subject->place.shim.return_remote = (uint64_t)call_kernel;
	tell(subject->order);
}

void hi_crashed_begin(struct hi_crashed *subject,
		      const struct hi_crashed_story *story)
{
	struct hi_err err;

	start(subject, story);
	await_crashes(subject, 1);
	if (story->crash[1]) {
		tell(subject->second);
		await_crashes(subject, 2);
	}
	ck_assert_int_eq(hi_maps_read(subject->host->pid, &subject->maps, &err),
			 0);
	ck_assert_int_eq(
		hi_unwinder_new(subject->host, &subject->unwinder, &err), 0);
}

void hi_crashed_end(struct hi_crashed *subject)
{
	hi_unwinder_free(subject->unwinder);
	hi_maps_done(&subject->maps);
	kill(subject->host->pid, SIGKILL);
	while (!subject->host->ended) {
		hi_host_pump(subject->host);
		hi_clock_nap_us(100);
	}
	hi_host_free(subject->host);
	munmap(subject->shared, sizeof(*subject->shared));
}

void hi_crashed_read(struct hi_crashed *subject, int which,
		     struct hi_crash *ret_crash)
{
	struct hi_start_regs from = { .all = true };
	struct hi_abandoned *call = &ret_crash->call;
	struct hi_err err;

	memset(ret_crash, 0, sizeof(*ret_crash));
	call->host = subject->host;
	call->thread = hi_host_find_thread(subject->host,
					   subject->shared->crasher[which]);
	ck_assert_ptr_nonnull(call->thread);
	ck_assert(call->thread->held);
	call->maps = &subject->maps;
	ck_assert_int_eq(hi_tracee_get_regs(call->thread->tid, &ret_crash->regs,
					    &err),
			 0);
	from.regs = ret_crash->regs;
	call->regs = &ret_crash->regs;
	hi_unwind(subject->unwinder, call->thread->tid, &from,
		  &ret_crash->frames);
	ck_assert(ret_crash->frames.whole);
	call->frames = &ret_crash->frames;
	call->host_sp = (uint64_t)subject->shared->back[which]
				.uc_mcontext.gregs[REG_RSP];
	while (call->n < ret_crash->frames.n &&
	       ret_crash->frames.frames[call->n].sp < call->host_sp)
		call->n++;
	ck_assert_uint_gt(call->n, 0);
}

void hi_crashed_go_back(const struct hi_crashed *subject,
			const struct hi_crash *crash, int which)
{
	const greg_t *to = subject->shared->back[which].uc_mcontext.gregs;
	struct user_regs_struct regs = crash->regs;
	struct hi_err err;

	regs.rip = (uint64_t)to[REG_RIP];
	regs.rsp = (uint64_t)to[REG_RSP];
	regs.rbp = (uint64_t)to[REG_RBP];
	regs.rbx = (uint64_t)to[REG_RBX];
	regs.r12 = (uint64_t)to[REG_R12];
	regs.r13 = (uint64_t)to[REG_R13];
	regs.r14 = (uint64_t)to[REG_R14];
	regs.r15 = (uint64_t)to[REG_R15];
	regs.rax = 0;
	regs.orig_rax = (unsigned long)-1;
	ck_assert_int_eq(
		hi_tracee_set_regs(crash->call.thread->tid, &regs, &err), 0);
	hi_host_release(subject->host, crash->call.thread);
	ck_assert(hi_crashed_await(subject, 'b', 0));
}
