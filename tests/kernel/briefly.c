/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Started by t_match: writes a byte and waits to be killed. It has no library, and so begins immediately. */
#include <asm/unistd.h>

/*
 * Like a linker with -z memory-seal: a note of type NT_GNU_PROPERTY_TYPE_0 (5) with an empty property
 * GNU_PROPERTY_MEMORY_SEAL. It has another type until t_match marks the file.
 */
__asm__(".pushsection .note.mseald, \"a\", @note\n"
	".balign 8\n"
	".long 4, 8, 0x6d\n"
	".asciz \"GNU\"\n"
	".long 3, 0\n"
	".popsection");

static long call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

void _start(void);
void _start(void)
{
	call(__NR_write, 1, (long)"x", 1);
	for (;;)
		call(__NR_pause, 0, 0, 0);
}
