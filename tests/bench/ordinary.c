// SPDX-License-Identifier: GPL-2.0-only
/*
 * As little as a program does that is linked as ordinary ones are, with the C library. For bench.c
 * to execute.
 */
#include <unistd.h>

int main(void)
{
	return getpid() > 0 ? 0 : 1;
}
