/*
 * What a host without the shim is given to run: one page of code, and behind it
 * a page of data that it finds by its distance. Copied as it is; it is position-
 * independent and never runs here.
 */
#include "common/shim_abi.h"
#include "injector/foothold.h"

	.section .rodata
	.globl	hi_foothold_code
	.globl	hi_foothold_code_len
	.set	data, hi_foothold_code + HI_FOOTHOLD_DATA_AT

/* dlopen(path, RTLD_NOW), whose address is in the data */
hi_foothold_code:
	subq	$8, %rsp
	leaq	data+HI_FOOTHOLD_PATH_AT(%rip), %rdi
	movl	$2, %esi
	call	*data+HI_FOOTHOLD_DLOPEN_AT(%rip)
	addq	$8, %rsp
	ret

/* The end of a call, as in the shim: preload/stubs_x86_64.S. */
	.org	hi_foothold_code + HI_FOOTHOLD_RETURN_AT, 0xcc
	movq	%rax, data+HI_SHIM_CALL_RESULT_AT(%rip)
	movq	$1, data+HI_SHIM_CALL_DONE_AT(%rip)
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

	.org	hi_foothold_code + HI_FOOTHOLD_SYSCALL_AT, 0xcc
	syscall
	ret
.Lend:
	.balign	8
hi_foothold_code_len:
	.quad	.Lend - hi_foothold_code

	.section .note.GNU-stack, "", @progbits
