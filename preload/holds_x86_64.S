/*
 * What a held function leads to: code that returns zero at once, one for each way in
 * which a result is returned (psABI ch. 3.2.3). Nothing else is touched.
 */
#include "common/shim_abi.h"

	.text
	.balign	16

/* In rax and rdx, or in xmm0 and xmm1. */
	.globl	hotinject_hold_registers
	.type	hotinject_hold_registers, @function
hotinject_hold_registers:
	.cfi_startproc
	endbr64
	xorl	%eax, %eax
	xorl	%edx, %edx
	pxor	%xmm0, %xmm0
	pxor	%xmm1, %xmm1
	ret
	.cfi_endproc
	.size	hotinject_hold_registers, . - hotinject_hold_registers

/* The same with the upper halves of ymm0 and ymm1, which the others leave alone. */
	.globl	hotinject_hold_registers_avx
	.type	hotinject_hold_registers_avx, @function
hotinject_hold_registers_avx:
	.cfi_startproc
	endbr64
	xorl	%eax, %eax
	xorl	%edx, %edx
	vpxor	%xmm0, %xmm0, %xmm0
	vpxor	%xmm1, %xmm1, %xmm1
	ret
	.cfi_endproc
	.size	hotinject_hold_registers_avx, . - hotinject_hold_registers_avx

/* On the x87 stack. */
	.globl	hotinject_hold_x87_pair
	.type	hotinject_hold_x87_pair, @function
hotinject_hold_x87_pair:
	.cfi_startproc
	endbr64
	fldz
	fldz
	ret
	.cfi_endproc
	.size	hotinject_hold_x87_pair, . - hotinject_hold_x87_pair

	.globl	hotinject_hold_x87
	.type	hotinject_hold_x87, @function
hotinject_hold_x87:
	.cfi_startproc
	endbr64
	fldz
	ret
	.cfi_endproc
	.size	hotinject_hold_x87, . - hotinject_hold_x87

/* In memory: rdi says where, and is the result; ecx is how many bytes. */
	.type	hold_memory, @function
hold_memory:
	.cfi_startproc
	movq	%rdi, %rdx
	xorl	%eax, %eax
	rep stosb
	movq	%rdx, %rax
	ret
	.cfi_endproc
	.size	hold_memory, . - hold_memory

/* The same for each size that the injector asks for: it writes the constant, which is
   HI_SHIM_HOLD_SIZE_AT bytes behind the entry. */
	.balign	16
	.globl	hotinject_hold_memory
	.type	hotinject_hold_memory, @function
hotinject_hold_memory:
	.cfi_startproc
	.rept	HI_SHIM_HOLD_SIZES
	endbr64
	movl	$0, %ecx
	jmp	hold_memory
	.balign	HI_SHIM_HOLD_LEN
	.endr
	.cfi_endproc
	.size	hotinject_hold_memory, . - hotinject_hold_memory

	.section .note.GNU-stack, "", @progbits
