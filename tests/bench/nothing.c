// SPDX-License-Identifier: GPL-2.0-only
/* The smallest possible program, without any library, for bench.c to execute. */
#include <asm/unistd.h>

void _start(void);

void _start(void)
{
	__asm__ volatile("syscall" : : "a"(__NR_exit_group), "D"(0) : "rcx", "r11", "memory");
	__builtin_unreachable();
}
