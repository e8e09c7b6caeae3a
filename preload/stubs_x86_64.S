/*
 * What C cannot say: tail jumps that keep the caller's return address, the end
 * of a remote call, and a syscall instruction at a known place.
 */
#include "common/shim_abi.h"

	.text

/*
 * void *dlsym(void *handle, const char *name)
 * void *dlvsym(void *handle, const char *name, const char *version)
 *
 * With no answers to give, one load and one jump. Otherwise
 * hi_dlsym_answer(handle, name, version or NULL, caller) decides. The arguments are
 * kept on the stack; 3 pushes leave it aligned for the call.
 */
	.macro	interpose name, real, version
	.globl	\name
	.type	\name, @function
\name:
	.cfi_startproc
	endbr64
	cmpq	$0, \real(%rip)
	je	1f
	cmpq	$0, hi_shim+HI_SHIM_ANSWERS_AT(%rip)
	jne	2f
	jmp	*\real(%rip)
1:	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	pushq	%rdx
	.cfi_adjust_cfa_offset 8
	call	hi_dlsym_init
	popq	%rdx
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	jmp	*\real(%rip)
2:	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	pushq	%rdx
	.cfi_adjust_cfa_offset 8
	.if \version == 0
	xorl	%edx, %edx
	.endif
	movq	24(%rsp), %rcx
	call	hi_dlsym_answer
	popq	%rdx
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	testq	%rax, %rax
	jne	3f
	jmp	*\real(%rip)
3:	ret
	.cfi_endproc
	.size	\name, . - \name
	.endm

	.hidden	hi_shim
	.hidden	hi_dlsym_real
	.hidden	hi_dlvsym_real
	.hidden	hi_dlsym_init
	.hidden	hi_dlsym_answer
	interpose dlsym, hi_dlsym_real, 0
	interpose dlvsym, hi_dlvsym_real, 1

/*
 * A remote call returns here, with the stack pointer at a ucontext that the
 * injector wrote. The injector sees call_done and restores the thread itself. Should
 * it have died, the thread takes itself back after a while (2^28 ticks of the time
 * stamp counter are about a tenth of a second): rt_sigreturn (sigreturn(2))
 * finds the ucontext at the stack pointer.
 */
	.globl	hotinject_return
	.type	hotinject_return, @function
hotinject_return:
	.cfi_startproc
	.cfi_undefined rip
	movq	%rax, hi_shim+HI_SHIM_CALL_RESULT_AT(%rip)
	movq	$1, hi_shim+HI_SHIM_CALL_DONE_AT(%rip)
	rdtsc
	shlq	$32, %rdx
	leaq	(%rdx,%rax), %rcx
1:	pause
	rdtsc
	shlq	$32, %rdx
	addq	%rdx, %rax
	subq	%rcx, %rax
	shrq	$28, %rax
	je	1b
	movl	$15, %eax
	syscall
	ud2
	.cfi_endproc
	.size	hotinject_return, . - hotinject_return
	.org	hotinject_return + HI_SHIM_RETURN_LEN, 0xcc

/*
 * A remote system call: its number and arguments are in the registers where the
 * kernel wants them. It ends as any other remote call.
 */
	.globl	hotinject_syscall
	.type	hotinject_syscall, @function
hotinject_syscall:
	.cfi_startproc
	syscall
	ret
	.cfi_endproc
	.size	hotinject_syscall, . - hotinject_syscall

	.section .note.GNU-stack, "", @progbits
