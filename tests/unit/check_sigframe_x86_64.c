#include "injector/sigframe_x86_64.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "injector/remote.h"
#include "injector/tracee.h"
#include "tests/unit/fixture.h"

/* The children are forked, so they have all of this at the same addresses. */
static _Alignas(64) unsigned char stack[65536];
static volatile int ready, go;

/*
 * spin(&ready, &go): the number of the first register whose value is lost while GO is
 * 0, or 0. The others hold their number, and the direction flag is set.
 */
int spin(volatile int *at_ready, volatile int *at_go);
/* As a remote call ends when its injector is gone. */
extern const char take_back[];

#define NUMBERED(with)                                                    \
	with(1, "rax") with(2, "rbx") with(3, "rcx") with(4, "rdx")       \
		with(5, "rbp") with(6, "r8") with(7, "r9") with(8, "r10") \
			with(9, "r11") with(10, "r12") with(11, "r13")    \
				with(12, "r14") with(13, "r15")
#define VECTORS(with)                                                         \
	with(21, "0") with(22, "1") with(23, "2") with(24, "7") with(25, "8") \
		with(26, "15")
#define SET(n, reg)        "movq $" #n ", %" reg "\n"
#define SET_VECTOR(n, reg) "movq $" #n ", %rax\nmovq %rax, %xmm" reg "\n"
#define CHECK(n, reg)              \
	"cmpq $" #n ", %" reg "\n" \
	"movl $" #n ", %edi\n"     \
	"jne 2f\n"
#define CHECK_VECTOR(n, reg)       \
	"movq %xmm" reg ", %rax\n" \
	"cmpq $" #n ", %rax\n"     \
	"movl $" #n ", %edi\n"     \
	"jne 2f\n"

__asm__(".text\n"
	".type spin, @function\n"
	"spin:\n"
	"push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
	/* clang-format off */
	VECTORS(SET_VECTOR)
	NUMBERED(SET)
	/* clang-format on */
	"std\n"
	"movl $1, (%rdi)\n"
	"1: cmpl $0, (%rsi)\n"
	"je 1b\n"
	"pushfq\n"
	"cld\n"
	/* clang-format off */
	NUMBERED(CHECK)
	VECTORS(CHECK_VECTOR)
	/* clang-format on */
	"movl $31, %edi\n"
	"testl $0x400, (%rsp)\n"
	"je 2f\n"
	"xorl %edi, %edi\n"
	"2: movl %edi, %eax\n"
	"popq %rcx\n"
	"pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\n"
	"ret\n"
	".size spin, . - spin\n"
	".type take_back, @function\n"
	"take_back: movl $15, %eax\n"
	"syscall\n"
	".size take_back, . - take_back\n");

/* A child that runs SERVE, stopped once it is at it. */
static struct hi_host *begin(int (*serve)(int fd), int *ret_fd)
{
	struct hi_err err;
	struct hi_host *host;
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(serve(ends[0]));
	}
	close(ends[0]);
	*ret_fd = ends[1];
	host = hi_host_new(pid);
	ck_assert_int_eq(hi_host_reopen(host, &err), 0);
	ck_assert_int_eq(hi_tracee_seize(pid, &err), 0);
	for (int is_ready = 0; !is_ready;)
		ck_assert_int_eq(hi_remote_read(host, (uint64_t)&ready,
						&is_ready, 4, &err),
				 0);
	return host;
}

/*
 * Stop it, spoil whatever it has, let it take itself back and go on alone; FRAME tells
 * nothing of the thread's own memory, which is left alone.
 */
static void spoil(struct hi_host *host)
{
	struct user_regs_struct regs, spoiled;
	struct hi_xstate xstate, zero;
	struct hi_sigframe frame;
	struct hi_err err;
	uint64_t mask, at;

	ck_assert_int_eq(hi_tracee_interrupt(host->pid, &err), 0);
	ck_assert_int_eq(hi_tracee_await(host->pid).kind, HI_STOP_TRAP);
	ck_assert_int_eq(hi_tracee_get_regs(host->pid, &regs, &err), 0);
	ck_assert_int_eq(hi_tracee_get_xstate(host->pid, &xstate, &err), 0);
	ck_assert_int_eq(hi_tracee_get_sigmask(host->pid, &mask, &err), 0);
	at = hi_sigframe_make(&regs, &xstate, mask,
			      (uint64_t)(stack + sizeof(stack)), &frame);
	ck_assert_int_eq(
		hi_remote_write(host, at, frame.bytes, frame.len, &err), 0);
	spoiled = regs;
	spoiled.rax = spoiled.rbx = spoiled.rcx = spoiled.rdx = 77;
	spoiled.rsi = spoiled.rdi = spoiled.rbp = spoiled.r8 = 77;
	spoiled.r9 = spoiled.r10 = spoiled.r11 = spoiled.r12 = 77;
	spoiled.r13 = spoiled.r14 = spoiled.r15 = 77;
	spoiled.eflags &= ~0x400UL;
	spoiled.orig_rax = (unsigned long)-1;
	spoiled.rip = (uint64_t)take_back;
	spoiled.rsp = at;
	zero = xstate;
	memset(zero.bytes + 160, 77, 256); /* SDM vol. 1, 10.5.1: xmm */
	ck_assert_int_eq(hi_tracee_set_xstate(host->pid, &zero, &err), 0);
	ck_assert_int_eq(hi_tracee_set_sigmask(host->pid, ~0ULL, &err), 0);
	ck_assert_int_eq(hi_tracee_set_regs(host->pid, &spoiled, &err), 0);
	hi_tracee_detach(host->pid, 0);
}

static int end(struct hi_host *host, int fd)
{
	int status;

	ck_assert_int_eq(waitpid(host->pid, &status, 0), host->pid);
	hi_host_free(host);
	close(fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* All of its registers, and one signal that is blocked. */
static int serve_spin(int fd)
{
	sigset_t set, now;
	int lost;

	(void)fd;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_SETMASK, &set, NULL);
	lost = spin(&ready, &go);
	sigprocmask(SIG_SETMASK, NULL, &now);
	if (!sigismember(&now, SIGUSR1) || sigismember(&now, SIGUSR2))
		return 41;
	return lost;
}

START_TEST(a_thread_takes_itself_back_as_it_was)
{
	static const int one = 1;
	struct hi_err err;
	int fd;
	struct hi_host *host = begin(serve_spin, &fd);

	spoil(host);
	ck_assert_int_eq(hi_remote_write(host, (uint64_t)&go, &one, 4, &err),
			 0);
	ck_assert_int_eq(end(host, fd), 0);
}
END_TEST

/* read(2), which has been interrupted. */
static int serve_read(int fd)
{
	char byte = 0;

	ready = 1;
	return read(fd, &byte, 1) == 1 && byte == 'x' ? 0 : 1;
}

/* One that ends with EINTR after any stop: signal(7). */
static int serve_epoll(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return 1;
	ready = 1;
	return epoll_wait(epoll_fd, &event, 1, -1) == 1 ? 0 : 1;
}

START_TEST(the_call_that_it_was_in_goes_on)
{
	char path[50], text[200] = "", call[20];
	struct hi_host *host;
	FILE *file;
	int fd;

	host = begin(_i ? serve_epoll : serve_read, &fd);
	snprintf(call, sizeof(call), "%d ", _i ? SYS_epoll_wait : SYS_read);
	snprintf(path, sizeof(path), "/proc/%d/syscall", host->pid);
	while (strncmp(text, call, strlen(call)) != 0) {
		file = fopen(path, "re");
		ck_assert_ptr_nonnull(file);
		ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
		(void)!fclose(file);
	}
	spoil(host);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_assert_int_eq(end(host, fd), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sigframe_x86_64");
	TCase *tcase = tcase_create("sigframe_x86_64");

	tcase_add_test(tcase, a_thread_takes_itself_back_as_it_was);
	tcase_add_loop_test(tcase, the_call_that_it_was_in_goes_on, 0, 2);
	suite_add_tcase(suite, tcase);
	return hi_fixture_main(suite);
}
