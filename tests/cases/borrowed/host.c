/*
 * A program of one thread, which hotinject has to borrow. It waits in a call that ends
 * with EINTR when it is disturbed, or ("run") computes in all registers.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

int value(void);

static int interrupted, wrong;

static void await_question(int epoll)
{
	struct epoll_event event;

	while (epoll_wait(epoll, &event, 1, -1) < 0)
		interrupted++;
}

#define EACH(action)                                                           \
	action(0) action(1) action(2) action(3) action(4) action(5) action(6)  \
		action(7) action(8) action(9) action(10) action(11) action(12) \
			action(13) action(14) action(15)
#define FILL(n) "movq %[pattern], %%xmm" #n "\n\t"
#define TEST(n)                       \
	"movq %%xmm" #n ", %%rax\n\t" \
	"xorq %[pattern], %%rax\n\t"  \
	"orq %%rax, %[difference]\n\t"

/* Some milliseconds with values in the vector registers, below the stack pointer (psABI
   3.2.2) and in the direction flag. */
static void compute(void)
{
	uint64_t pattern = 0x123456789abcdef0, difference = 0;

	__asm__ volatile(EACH(FILL) "movq %[pattern], -64(%%rsp)\n\t"
				    "std\n\t"
				    "movl $50000, %%ecx\n\t"
				    "1: pause\n\t"
				    "decl %%ecx\n\t"
				    "jnz 1b\n\t" EACH(
					    TEST) "movq -64(%%rsp), %%rax\n\t"
						  "xorq %[pattern], %%rax\n\t"
						  "orq %%rax, %[difference]\n\t"
						  "pushfq\n\t"
						  "popq %%rax\n\t"
						  "cld\n\t"
						  "xorq $0x400, %%rax\n\t"
						  "andq $0x400, %%rax\n\t"
						  "orq %%rax, %[difference]\n\t"
			 : [difference] "+r"(difference)
			 : [pattern] "r"(pattern)
			 : "rax", "rcx", "memory", "cc", "xmm0", "xmm1", "xmm2",
			   "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15");
	wrong += difference != 0;
}

static int has_question(void)
{
	struct pollfd input = { STDIN_FILENO, POLLIN, 0 };

	return poll(&input, 1, 0) > 0;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN };
	char question[100];
	int epoll = epoll_create1(0);

	(void)argv;
	epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	do {
		if (argc < 2)
			await_question(epoll);
		else
			while (!has_question())
				compute();
		if (read(STDIN_FILENO, question, sizeof(question)) <= 0)
			break;
		printf("value=%d interrupted=%d wrong=%d\n", value(),
		       interrupted, wrong);
		fflush(stdout);
	} while (1);
	return 0;
}
