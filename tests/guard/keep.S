/*
 * long keep(long (*function)(long), struct kept *kept)
 *
 * Calls function(7) with a value of its own in each register that a call preserves,
 * with unusual control words of SSE and x87, and writes down what is in them
 * afterwards. There is no call frame information: nobody need unwind any further.
 *
 * Source: psABI ch. 3.2.1.
 */
	.section .rodata
	.balign	4
mxcsr:	.long	0xdfc0	/* rounds up, denormals are zero, both ways */
fcw:	.word	0x0a7f	/* rounds up, double precision */

	.text
	.globl	keep
	.type	keep, @function
keep:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	$24, %rsp
	movq	%rsi, (%rsp)
	stmxcsr	8(%rsp)
	fnstcw	12(%rsp)
	movq	%rsp, 16(%rsp)
	ldmxcsr	mxcsr(%rip)
	fldcw	fcw(%rip)
	movq	%rdi, %rax
	movq	$0x1b1b1b1b, %rbx
	movq	$0x1e1e1e1e, %rbp
	movq	$0x12121212, %r12
	movq	$0x13131313, %r13
	movq	$0x14141414, %r14
	movq	$0x15151515, %r15
	movl	$7, %edi
	call	*%rax
	pushfq
	popq	%rcx
	movq	(%rsp), %rsi
	movq	%rbx, (%rsi)
	movq	%rbp, 8(%rsi)
	movq	%r12, 16(%rsi)
	movq	%r13, 24(%rsi)
	movq	%r14, 32(%rsi)
	movq	%r15, 40(%rsi)
	movq	%rsp, %rdx
	subq	16(%rsp), %rdx
	movq	%rdx, 48(%rsi)
	movq	%rcx, 56(%rsi)
	fnstenv	64(%rsi)	/* 28 bytes: control, status, tags, each in 4 */
	stmxcsr	92(%rsi)
	ldmxcsr	8(%rsp)
	fldcw	12(%rsp)
	addq	$24, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	.size	keep, . - keep

/*
 * long interrupted(long pid, long signal)
 *
 * Sends itself a signal without a call, with values in registers that a call would
 * not preserve and in the red zone, and tells how many have changed.
 */
	.globl	interrupted
	.type	interrupted, @function
interrupted:
	movq	%rdi, %r8
	movq	%rsi, %r9
	movq	$0x0d0d0d0d, %rdx
	movq	$0x0a0a0a0a, %r10
	movq	%rdx, %xmm0
	movq	%r10, %xmm1
	movq	%rdx, %xmm15
	movq	%rdx, -8(%rsp)
	movq	%r10, -64(%rsp)
	movq	%rdx, -128(%rsp)
	fld1
	stc
	movl	$62, %eax	/* kill */
	syscall
	movl	$0, %eax
	setnc	%al		/* no other flag is looked at */
	xorl	%ecx, %ecx
	cmpq	$0x0d0d0d0d, %rdx
	setne	%cl
	addl	%ecx, %eax
	cmpq	$0x0a0a0a0a, %r10
	setne	%cl
	addl	%ecx, %eax
	cmpq	%rdi, %r8
	setne	%cl
	addl	%ecx, %eax
	cmpq	%rsi, %r9
	setne	%cl
	addl	%ecx, %eax
	cmpq	%rdx, -8(%rsp)
	setne	%cl
	addl	%ecx, %eax
	cmpq	%r10, -64(%rsp)
	setne	%cl
	addl	%ecx, %eax
	cmpq	%rdx, -128(%rsp)
	setne	%cl
	addl	%ecx, %eax
	movq	%xmm0, %rcx
	cmpq	%rdx, %rcx
	movl	$0, %ecx
	setne	%cl
	addl	%ecx, %eax
	movq	%xmm1, %rcx
	cmpq	%r10, %rcx
	movl	$0, %ecx
	setne	%cl
	addl	%ecx, %eax
	movq	%xmm15, %rcx
	cmpq	%rdx, %rcx
	movl	$0, %ecx
	setne	%cl
	addl	%ecx, %eax
	fld1
	fcomip	%st(1), %st
	fstp	%st(0)
	movl	$0, %ecx
	setne	%cl
	addl	%ecx, %eax
	ret
	.size	interrupted, . - interrupted

	.section .note.GNU-stack, "", @progbits
