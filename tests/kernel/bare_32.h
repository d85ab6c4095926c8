/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For 32-bit programs without a library: a system call, and the entry, which calls begin() with the initial
 * stack from the kernel.
 */
#pragma once

#include <stdint.h>

/* number, and six arguments of which the low halves count */
uint32_t call_32(const int64_t call[7]);

#ifdef __i386__
/* eax, ebx, ecx, edx, esi, edi, ebp */
__asm__(".globl call_32\n"
	"call_32:\n"
	"	push %ebx\n	push %esi\n	push %edi\n	push %ebp\n"
	"	mov 20(%esp), %ebp\n"
	"	mov (%ebp), %eax\n	mov 8(%ebp), %ebx\n	mov 16(%ebp), %ecx\n	mov 24(%ebp), %edx\n"
	"	mov 32(%ebp), %esi\n	mov 40(%ebp), %edi\n	mov 48(%ebp), %ebp\n"
	"	int $0x80\n"
	"	pop %ebp\n	pop %edi\n	pop %esi\n	pop %ebx\n"
	"	ret\n");

__asm__(".globl _start\n"
	"_start:\n"
	"	mov %esp, %eax\n"
	"	and $-16, %esp\n"
	"	sub $12, %esp\n"
	"	push %eax\n"
	"	call begin\n");
#else
/* r7, r0 to r5 */
__asm__(".syntax unified\n"
	".arm\n"
	".globl call_32\n"
	"call_32:\n"
	"	push {r4, r5, r6, r7}\n"
	"	mov r6, r0\n"
	"	ldr r7, [r6]\n"
	"	ldr r0, [r6, #8]\n"
	"	ldr r1, [r6, #16]\n"
	"	ldr r2, [r6, #24]\n"
	"	ldr r3, [r6, #32]\n"
	"	ldr r4, [r6, #40]\n"
	"	ldr r5, [r6, #48]\n"
	"	svc #0\n"
	"	pop {r4, r5, r6, r7}\n"
	"	bx lr\n"
	".globl _start\n"
	"_start:\n"
	"	mov r0, sp\n"
	"	bic sp, sp, #7\n"
	"	bl begin\n");
#endif
