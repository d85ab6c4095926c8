// SPDX-License-Identifier: GPL-2.0-only
/* The smallest possible program, without any library, for bench.c to execute. */
#include <asm/unistd.h>

void _start(void);

void _start(void)
{
#ifdef __x86_64__
	__asm__ volatile("syscall" : : "a"(__NR_exit_group), "D"(0) : "rcx", "r11", "memory");
#else
	register long number __asm__("x8") = __NR_exit_group, status __asm__("x0") = 0;

	__asm__ volatile("svc #0" : : "r"(number), "r"(status) : "memory");
#endif
	__builtin_unreachable();
}
