/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* t_keys executes this: a new image may do everything at an address (hexadecimal). Status 0: it may. */
#include <stdlib.h>
#include <sys/mman.h>

int main(int argc, char **argv)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	void *at = (void *)strtoul(argc > 1 ? argv[1] : "", NULL, 16);

	return mmap(at, 65536, PROT_READ, flags, -1, 0) != at ||
	       mprotect(at, 65536, PROT_READ | PROT_WRITE) ||
	       mmap(at, 65536, PROT_READ, flags, -1, 0) != at || munmap(at, 65536);
}
