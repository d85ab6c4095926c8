/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An outsider who tries what the lock is to refuse: a child, made before the
 * lock is taken, so that to it it is any other process of root.
 */
#ifndef MSEALD_BPF_LOCK_SELFTEST_H
#define MSEALD_BPF_LOCK_SELFTEST_H

#include <stdbool.h>
#include <stdint.h>

/* Not in kernels without ftrace. */
#define LOCKPROBE_FTRACE "/proc/sys/kernel/ftrace_enabled"

struct outsider;

/* What it is to try to get at. */
struct outsider_targets {
	uint32_t map, program, link;	/* ids */
	uint32_t signals;		/* try these as well */
};

/* -errno. */
int outsider_begin(struct outsider **ret);
/*
 * It tries all, and ends. 0 when all was refused to it; -EBUSY when something was not, and *ret_what
 * (static) says what; or another negative errno.
 */
int outsider_try(struct outsider *outsider, const struct outsider_targets *targets, const char **ret_what);
/* Takes NULL, returns NULL. */
struct outsider *outsider_end(struct outsider *outsider);

#endif
