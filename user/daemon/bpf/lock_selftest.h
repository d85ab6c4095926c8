/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An outsider that tries what the lock must deny: a child, made before the
 * lock is taken, so that to it it is any other process of root.
 */
#ifndef MSEALD_BPF_LOCK_SELFTEST_H
#define MSEALD_BPF_LOCK_SELFTEST_H

#include <stdint.h>

/* Not in kernels without ftrace. */
#define LOCK_SELFTEST_FTRACE "/proc/sys/kernel/ftrace_enabled"

struct lock_selftest;

/* What it is to try to get at. */
struct lock_selftest_targets {
	uint32_t map, program, link; /* ids */
	uint32_t signals;	     /* try these as well */
};

/* -errno. */
int lock_selftest_begin(struct lock_selftest **ret);
/*
 * It tries all, and ends. 0 when all was refused to it; -EBUSY when something was not, and *ret_what
 * (static) says what; or another negative errno.
 */
int lock_selftest_try(struct lock_selftest *outsider, const struct lock_selftest_targets *targets,
		      const char **ret_what);
/* Takes NULL. */
struct lock_selftest *lock_selftest_end(struct lock_selftest *outsider);

#endif
