/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ptrace(2) and related calls, with negative errnos. */
#pragma once

#include <sys/ptrace.h>

#include "lib/base/util.h"

#define PTRACE_STOP_AT_CALL (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */
#define PTRACE_STOPPED(status) ((status) >> 16 == PTRACE_EVENT_STOP)
#define PTRACE_FOREVER (-1) /* milliseconds */

/* ptrace(2); requests take addresses as numbers. 0, or a negative errno. */
int ptrace_request(int what, pid_t tid, uint64_t address, void *data);

/* Waits for its next stop. -ETIMEDOUT; -ESRCH: it has ended, or another thread got its id by exec. */
int ptrace_wait(pid_t tid, int milliseconds, int *ret_status);

int ptrace_get_mask(pid_t tid, uint64_t *mask);
int ptrace_set_mask(pid_t tid, uint64_t mask);

/* Is it the signal of a trap of mseald (perf_trap.h)? */
bool ptrace_is_trap(pid_t tid, int status);
