/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Started by t_match: writes a byte and waits to be killed. It has no library, and so begins immediately. */
#include <asm/unistd.h>

#include "bare_call.h"

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

void _start(void);
void _start(void)
{
	bare_call(__NR_write, 1, (long)"x", 1);
	for (;;)
		bare_call(__NR_nanosleep, (long)(const long[]){ 1l << 40, 0 }, 0, 0);
}
