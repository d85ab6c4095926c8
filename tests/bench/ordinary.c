// SPDX-License-Identifier: GPL-2.0-only
/* The smallest program linked like an ordinary one, with the C library, for bench.c to execute. */
#include <unistd.h>

int main(void)
{
	return getpid() > 0 ? 0 : 1;
}
