// SPDX-License-Identifier: GPL-2.0-only
/* The least program there is: for bench.c to execute. Linked with nothing. */
#include <asm/unistd.h>

void _start(void);

void _start(void)
{
	__asm__ volatile("syscall" : : "a"(__NR_exit_group), "D"(0) : "rcx", "r11", "memory");
	__builtin_unreachable();
}
