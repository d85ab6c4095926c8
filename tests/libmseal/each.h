/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included by the kernel's mseal_test.c, as built by tests/libmseal/selftest. Runs each of its tests in a
 * child, so that a killed one gives a result, too, on a line "RESULT pass|fail|skip|killed TEST".
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mseal.h"

static inline const char *each_outcome(int status)
{
	static const char *const words[] = { "pass", "fail", "skip" };

	if (WIFSIGNALED(status))
		return "killed";
	return WIFEXITED(status) && WEXITSTATUS(status) < 3 ? words[WEXITSTATUS(status)] : "lost";
}

/*
 * seal_support() has sealed a page. The kernel would put the test's memory below it, and merge both mappings
 * once that is sealed, too.
 */
static inline void each_begin(void)
{
	(void)mmap(NULL, (size_t)getpagesize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

#define EACH(call) \
	do { \
		int status_ = -1; \
		fflush(stdout); \
		if (fork() == 0) { \
			each_begin(); \
			call; \
			fflush(stdout); \
			_exit(ksft_get_fail_cnt() ? 1 : ksft_get_pass_cnt() ? 0 : 2); \
		} \
		wait(&status_); \
		printf("RESULT %s %s\n", each_outcome(status_), #call); \
	} while (0)
