/*
 * A thread is stopped and let go again and again while it sleeps in a system call that
 * each stop ends: what it sees is as if nobody had stopped it.
 */
#include "injector/again.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "injector/attach.h"
#include "injector/clock.h"
#include "tests/unit/fixture.h"

#define TIMEOUT_NS (150 * HI_NS_PER_MS)
#define LIMIT_NS   (3 * HI_NS_PER_S)
#define LEN(array) (int)(sizeof(array) / sizeof(*(array)))

/* What the child has seen. */
static struct seen {
	volatile int n; /* calls that have ended */
	long results[2];
	int errnos[2];
	uint64_t took_ns[2];
} * seen;

static int event_fd, epoll_fd;

static const struct timespec timeout = { 0, TIMEOUT_NS };

static long wait_epoll(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, TIMEOUT_NS / HI_NS_PER_MS);
}

static long wait_epoll_ns(void)
{
	struct epoll_event event;

	return syscall(SYS_epoll_pwait2, epoll_fd, &event, 1, &timeout, NULL,
		       0L);
}

static long wait_semaphore(void)
{
	int semaphores = semget(IPC_PRIVATE, 1, 0600);
	struct sembuf take = { 0, -1, 0 };
	long result = semtimedop(semaphores, &take, 1, &timeout);
	int error = errno;

	semctl(semaphores, 0, IPC_RMID);
	errno = error;
	return result;
}

static long wait_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return sigtimedwait(&set, NULL, &timeout);
}

static long wait_io(void)
{
	unsigned long context = 0;
	unsigned char events[32];

	syscall(SYS_io_setup, 1L, &context);
	return syscall(SYS_io_getevents, context, 1L, 1L, events, &timeout);
}

static const struct {
	long (*wait)(void);
	long result;
	int error;
} calls[] = {
	{ wait_epoll, 0, 0 },
	{ wait_epoll_ns, 0, 0 },
	{ wait_semaphore, -1, EAGAIN },
	{ wait_signal, -1, EAGAIN },
	{ wait_io, 0, 0 },
};

static void run(long (*wait)(void))
{
	for (int i = 0; i < LEN(seen->results); i++) {
		uint64_t start = hi_clock_ns();
		uint64_t events;

		errno = 0;
		seen->results[i] = wait();
		seen->errnos[i] = errno;
		seen->took_ns[i] = hi_clock_ns() - start;
		if (seen->results[i] == 1)
			(void)!read(event_fd, &events, sizeof(events));
		seen->n = i + 1;
	}
}

static struct hi_host *begin(long (*wait)(void))
{
	struct epoll_event event = { .events = EPOLLIN };
	struct hi_host *host = NULL;
	struct hi_err err;
	pid_t pid;

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(seen, MAP_FAILED);
	event_fd = eventfd(0, EFD_CLOEXEC);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_eq(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event),
			 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(wait);
		_exit(0);
	}
	if (hi_attach(pid, &host, &err) < 0)
		ck_abort_msg("%s", err.sentence);
	return host;
}

static void hold(struct hi_host *host)
{
	struct hi_err err;

	if (hi_host_hold(host, hi_host_find_thread(host, host->pid), &err) < 0)
		ck_abort_msg("%s", err.sentence);
}

static void release(struct hi_host *host)
{
	hi_host_release(host, hi_host_find_thread(host, host->pid));
}

/* Stop it again and again, until it has made N calls or for LIMIT_NS. */
static void disturb(struct hi_host *host, int n, uint64_t limit_ns)
{
	uint64_t start = hi_clock_ns();

	while (seen->n < n && hi_clock_ns() - start < limit_ns) {
		hold(host);
		release(host);
	}
}

static void end(struct hi_host *host)
{
	kill(host->pid, SIGKILL);
	ck_assert(hi_host_await_end(host));
	hi_host_free(host);
	close(event_fd);
	close(epoll_fd);
	munmap(seen, sizeof(*seen));
}

static void expect_call(int i, long result, int error)
{
	ck_assert_int_eq(seen->results[i], result);
	ck_assert_int_eq(seen->errnos[i], error);
}

START_TEST(a_time_out_passes_though_each_stop_ends_the_call)
{
	struct hi_host *host = begin(calls[_i].wait);

	disturb(host, 1, LIMIT_NS);
	ck_assert_int_ge(seen->n, 1);
	expect_call(0, calls[_i].result, calls[_i].error);
	ck_assert_uint_ge(seen->took_ns[0], TIMEOUT_NS);
	end(host);
}
END_TEST

/* The time that a call has slept is not the next one's, from the same place. */
START_TEST(the_next_call_has_its_whole_time)
{
	struct hi_host *host = begin(wait_epoll);
	const uint64_t one = 1;

	disturb(host, 1, TIMEOUT_NS * 2 / 3);
	hold(host);
	ck_assert_int_eq(seen->n, 0);
	ck_assert_int_eq(write(event_fd, &one, sizeof(one)), sizeof(one));
	release(host);
	disturb(host, 2, LIMIT_NS);
	ck_assert_int_eq(seen->n, 2);
	expect_call(0, 1, 0);
	expect_call(1, 0, 0);
	ck_assert_uint_ge(seen->took_ns[1], TIMEOUT_NS);
	end(host);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("again");
	TCase *tcase = tcase_create("again");

	tcase_add_loop_test(tcase,
			    a_time_out_passes_though_each_stop_ends_the_call, 0,
			    LEN(calls));
	tcase_add_test(tcase, the_next_call_has_its_whole_time);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
