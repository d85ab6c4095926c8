// SPDX-License-Identifier: GPL-2.0-only
/* The smallest program linked like an ordinary one, with the C library, for bench.c to execute. */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	if (argc > 1)
		(void)usleep((useconds_t)atoi(argv[1]) * 1000);
	return getpid() > 0 ? 0 : 1;
}
