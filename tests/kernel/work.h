/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process with many threads, each of which makes the same system calls
 * whenever it is run, checks what each returned, and folds it into a sum.
 */
#ifndef MSEALD_TESTS_WORK_H
#define MSEALD_TESTS_WORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WORK_THREADS 64

struct work { /* in shared memory */
	struct work_result {
		uint64_t sum;
		const char *name;  /* of what it does */
		uint32_t bad_line; /* 0: all was well; else where it was not, */
		int32_t bad_found; /* and what was found instead */
		_Atomic uint32_t done;
	} results[WORK_THREADS];
	_Atomic uint32_t ready, go;
	_Atomic uint64_t pages; /* where its pages to be sealed begin */
};

/*
 * Forks it. It maps so many pages, waits for go, works, waits for go to be 2, and ends. rounds:
 * how much work there is.
 */
pid_t work_start(struct work *work, unsigned rounds, unsigned long pages);
unsigned work_done(const struct work *work); /* how many threads have ended their work */

#endif
