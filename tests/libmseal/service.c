// SPDX-License-Identifier: GPL-2.0-only
/*
 * A service in a language without mseal.h, such as Rust: it declares the functions itself, is linked
 * statically to libmseal.a, seals itself and waits. With an argument it only waits.
 */
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

extern int32_t mseal_after_start(uint64_t flags);

int main(int argc, char **argv)
{
	(void)argv;
	if (argc == 1 && mseal_after_start(0) < 0) {
		perror("mseal_after_start");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
