#include "injector/sigframe_x86_64.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "injector/again.h"

/* asm/ucontext.h, which cannot be included together with the C library's. */
#define UC_FP_XSTATE          0x1
#define UC_SIGCONTEXT_SS      0x2
#define UC_STRICT_RESTORE_SS  0x4
#define SW_RESERVED_AT        464 /* in the legacy save area */
#define XCR0_AT               464 /* where ptrace puts the feature mask */
#define ERESTARTSYS           512
#define ERESTARTNOINTR        513
#define ERESTARTNOHAND        514
#define ERESTART_RESTARTBLOCK 516

/* Intel SDM vol. 1, 3.4.3: bit 1 of the flags is set, those above are not. */
#define FLAGS_ALWAYS 0x2UL
#define FLAGS_NEVER  (~0UL << 22)
#define USER_CS      0x33 /* asm/segment.h, __USER_CS */

struct kernel_ucontext {
	unsigned long flags;
	unsigned long link;
	unsigned long stack[3];
	struct sigcontext mcontext;
	uint64_t sigmask;
};

/* What the kernel does itself when no handler runs (signal.c), and what we do. */
static void restart_syscall(struct sigcontext *context,
			    const struct user_regs_struct *regs)
{
	long result = (long)regs->rax, number = (long)regs->orig_rax;

	if (number < 0)
		return;
	if (result == -ERESTARTSYS || result == -ERESTARTNOINTR ||
	    result == -ERESTARTNOHAND || hi_again_is_due(regs)) {
		context->rax = (unsigned long)number;
		context->rip -= 2;
	} else if (result == -ERESTART_RESTARTBLOCK) {
		context->rax = SYS_restart_syscall;
		context->rip -= 2;
	}
}

static void fill_context(struct sigcontext *context,
			 const struct user_regs_struct *regs)
{
	context->r8 = regs->r8;
	context->r9 = regs->r9;
	context->r10 = regs->r10;
	context->r11 = regs->r11;
	context->r12 = regs->r12;
	context->r13 = regs->r13;
	context->r14 = regs->r14;
	context->r15 = regs->r15;
	context->rdi = regs->rdi;
	context->rsi = regs->rsi;
	context->rbp = regs->rbp;
	context->rbx = regs->rbx;
	context->rdx = regs->rdx;
	context->rax = regs->rax;
	context->rcx = regs->rcx;
	context->rsp = regs->rsp;
	context->rip = regs->rip;
	context->eflags = regs->eflags;
	context->cs = (unsigned short)regs->cs;
	context->__pad0 = (unsigned short)regs->ss; /* the kernel's ss */
	restart_syscall(context, regs);
}

/* The words by which the kernel knows that an XSAVE area follows. */
static void mark_xstate(unsigned char *area, size_t len)
{
	struct _fpx_sw_bytes words;
	uint32_t end = FP_XSTATE_MAGIC2;

	memset(&words, 0, sizeof(words));
	words.magic1 = FP_XSTATE_MAGIC1;
	words.extended_size = (uint32_t)(len + sizeof(end));
	memcpy(&words.xstate_bv, area + XCR0_AT, sizeof(words.xstate_bv));
	words.xstate_size = (uint32_t)len;
	memcpy(area + SW_RESERVED_AT, &words, sizeof(words));
	memcpy(area + len, &end, sizeof(end));
}

uint64_t hi_sigframe_make(const struct user_regs_struct *regs,
			  const struct hi_xstate *xstate, uint64_t sigmask,
			  uint64_t top_remote, struct hi_sigframe *ret_frame)
{
	struct kernel_ucontext context;
	size_t area_at = (sizeof(context) + 128 + 63) & ~(size_t)63;
	size_t len = area_at + xstate->len + 64;
	uint64_t at = (top_remote - len) & ~63ULL;

	memset(&context, 0, sizeof(context));
	context.flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	fill_context(&context.mcontext, regs);
	context.mcontext.__fpstate_word = at + area_at;
	context.sigmask = sigmask;
	memset(ret_frame->bytes, 0, area_at);
	memcpy(ret_frame->bytes, &context, sizeof(context));
	memcpy(ret_frame->bytes + area_at, xstate->bytes, xstate->len);
	mark_xstate(ret_frame->bytes + area_at, xstate->len);
	ret_frame->len = area_at + xstate->len + 4;
	return at;
}

uint64_t hi_sigframe_get_sp(const uint64_t *words, size_t at)
{
	if ((words[at] & 0xffff) != USER_CS || at < 3 ||
	    !(words[at - 1] & FLAGS_ALWAYS) || words[at - 1] & FLAGS_NEVER)
		return 0;
	return words[at - 3];
}

bool hi_sigframe_may_keep_pc(const uint64_t *words, size_t n)
{
	if (n < 3)
		return true;
	return (words[1] & FLAGS_ALWAYS) && !(words[1] & FLAGS_NEVER) &&
	       (words[2] & 0xffff) == USER_CS;
}
