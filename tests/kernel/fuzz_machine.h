/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything of fuzz_runner.c that depends on the machine. For each, in 64 bits and in 32:
 *
 *   NR(...)         the number of a call, of those that it has on each machine
 *   OFFSET(at)      an argument of 64 bits behind three others
 *   invoke()        a system call
 *   clone_here()    clone(2), the child on the same stack: inlined, for the parent returns after the child
 *   clone_to()      clone(2), the child on that stack, where it calls share(slot, call)
 */
#pragma once

#include <stdint.h>

#ifdef __LP64__
#include "bare_call.h"
#include "puppet.h" /* int_80() */
#else
#include "bare_32.h"
#define int_80 call_32
#endif

#define NR_CLONE NR(56, 120, 220, 120)

#define INVOKE static inline __attribute__((always_inline))

INVOKE int64_t invoke(int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
INVOKE int64_t clone_here(uint64_t flags);
INVOKE int64_t clone_to(uint64_t flags, uintptr_t *stack, const void *slot, const void *call);

/* A result of a 32-bit call: a negative errno, or an unsigned number. */
static inline int64_t result_of_32(uint32_t result)
{
	return result > -4096u ? (int32_t)result : (int64_t)result;
}

#if defined(__x86_64__) /* arch/x86/entry/syscalls/syscall_64.tbl */
#define NR(x86_64, i386, arm64, arm) (x86_64)
#define OFFSET(at) (at)

INVOKE int64_t invoke(int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	return bare_call_6(number, (long)a, (long)b, (long)c, (long)d, (long)e, (long)f);
}

INVOKE int64_t clone_here(uint64_t flags)
{
	return invoke(NR_CLONE, flags, 0, 0, 0, 0, 0);
}

INVOKE int64_t clone_to(uint64_t flags, uintptr_t *stack, const void *slot, const void *call)
{
	int64_t pid;

	__asm__ volatile("syscall\n"
			 "	test %%rax, %%rax\n"
			 "	jnz 1f\n"
			 "	mov %[slot], %%rdi\n"
			 "	mov %[call], %%rsi\n"
			 "	xor %%ebp, %%ebp\n"
			 "	call share\n"
			 "1:\n"
			 : "=a"(pid)
			 : "0"((int64_t)NR_CLONE), "D"(flags), "S"(stack),
			   "d"(0l), [slot] "r"(slot), [call] "r"(call)
			 : "rcx", "r11", "memory");
	return pid;
}

#elif defined(__i386__) /* arch/x86/entry/syscalls/syscall_32.tbl */
#define NR(x86_64, i386, arm64, arm) (i386)
#define OFFSET(at) (uint32_t)(at), (uint32_t)((at) >> 32)

INVOKE int64_t invoke(int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	const int64_t call[7] = { number,     (int64_t)a, (int64_t)b, (int64_t)c,
				  (int64_t)d, (int64_t)e, (int64_t)f };

	return result_of_32(call_32(call));
}

INVOKE int64_t clone_here(uint64_t flags)
{
	int32_t eax;

	__asm__ volatile("int $0x80"
			 : "=a"(eax)
			 : "0"(NR_CLONE), "b"((uint32_t)flags), "c"(0), "d"(0), "S"(0), "D"(0)
			 : "memory");
	return eax;
}

INVOKE int64_t clone_to(uint64_t flags, uintptr_t *stack, const void *slot, const void *call)
{
	int32_t eax;

	*--stack = (uintptr_t)call;
	*--stack = (uintptr_t)slot;
	__asm__ volatile("int $0x80\n"
			 "	test %%eax, %%eax\n"
			 "	jnz 1f\n"
			 "	call share\n"
			 "1:\n"
			 : "=a"(eax)
			 : "0"(NR_CLONE), "b"((uint32_t)flags), "c"(stack), "d"(0), "S"(0), "D"(0)
			 : "memory");
	return eax;
}

#else
#ifdef __aarch64__ /* include/uapi/asm-generic/unistd.h */
#define NR(x86_64, i386, arm64, arm) (arm64)
#define OFFSET(at) (at)
#define R(n) "x" #n
#define R_NUMBER "x8"
#define IF_CHILD "cbnz x0, 1f\n"
#define RESULT(r0) ((int64_t)(r0))
#else /* arch/arm64/tools/syscall_32.tbl; a pair of registers begins with an even one */
#define NR(x86_64, i386, arm64, arm) (arm)
#define OFFSET(at) 0, (uint32_t)(at), (uint32_t)((at) >> 32)
#define R(n) "r" #n
#define R_NUMBER "r7"
#define IF_CHILD "cmp r0, #0\n	bne 1f\n"
#define RESULT(r0) result_of_32(r0)
#endif

INVOKE int64_t invoke(int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uintptr_t r0 __asm__(R(0)) = (uintptr_t)a, r1 __asm__(R(1)) = (uintptr_t)b,
			      r2 __asm__(R(2)) = (uintptr_t)c, r3 __asm__(R(3)) = (uintptr_t)d,
			      r4 __asm__(R(4)) = (uintptr_t)e, r5 __asm__(R(5)) = (uintptr_t)f,
			      which __asm__(R_NUMBER) = (uintptr_t)number;

	__asm__ volatile("svc #0"
			 : "+r"(r0)
			 : "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5), "r"(which)
			 : "memory");
	return RESULT(r0);
}

INVOKE int64_t clone_here(uint64_t flags)
{
	return invoke(NR_CLONE, flags, 0, 0, 0, 0, 0);
}

INVOKE int64_t clone_to(uint64_t flags, uintptr_t *stack, const void *slot, const void *call)
{
	register uintptr_t r0 __asm__(R(0)) = (uintptr_t)flags, r1 __asm__(R(1)) = (uintptr_t)stack,
			      r2 __asm__(R(2)) = 0, r3 __asm__(R(3)) = 0, r4 __asm__(R(4)) = 0,
			      which __asm__(R_NUMBER) = NR_CLONE;

	__asm__ volatile("svc #0\n"
			 "	" IF_CHILD "	mov " R(0) ", %[slot]\n"
							   "	mov " R(1) ", %[call]\n"
									   "	bl share\n"
									   "1:\n"
			 : "+r"(r0)
			 : "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(which), [slot] "r"(slot), [call] "r"(call)
			 : "memory", "cc");
	return RESULT(r0);
}
#endif
