/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process with many threads. Each makes the same system calls in every run, checks each result, and folds
 * it into a sum.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WORK_THREADS 64

struct work { /* in shared memory */
	struct work_result {
		uint64_t sum;
		const char *name;  /* name of its work */
		uint32_t bad_line; /* 0: no fault; else the line of the fault, */
		int32_t bad_found; /* and the value found */
		_Atomic uint32_t done;
	} results[WORK_THREADS];
	_Atomic uint32_t ready, go;
	_Atomic uint64_t pages; /* start of its pages to be sealed */
};

/*
 * Forks it. It maps this many pages, waits for go, works, waits for go to be 2, and exits. rounds: amount of
 * work.
 */
pid_t work_start(struct work *work, unsigned rounds, unsigned long pages);
unsigned work_done(const struct work *work); /* number of threads that have finished their work */
