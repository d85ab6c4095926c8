/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An outsider that tries the operations that the lock must deny: a child, made before the lock is taken. To
 * the lock it is like any other process of root.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Absent in kernels without ftrace. */
#define LOCK_SELFTEST_FTRACE "/proc/sys/kernel/ftrace_enabled"

/* Zeroed: none. */
struct lock_selftest {
	pid_t pid;
	int fd;
};

/* The objects that it tries to reach. */
struct lock_selftest_targets {
	uint32_t map, program, link; /* ids */
	uint32_t signals;	     /* also try signals */
};

/* Negative errno. */
int lock_selftest_begin(struct lock_selftest *ret);
/* Tries all operations, once. 0: all denied; -EBUSY: *ret_what (static) was not; or another errno. */
int lock_selftest_try(struct lock_selftest *outsider, const struct lock_selftest_targets *targets,
		      const char **ret_what);
void lock_selftest_end(struct lock_selftest *outsider); /* leaves it zeroed */
