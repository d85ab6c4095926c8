/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ptrace(2) and what belongs to it, with negative errnos; a room of its own for tracee.c and stops.c. */
#ifndef MSEALD_PTRACING_H
#define MSEALD_PTRACING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ptrace.h>

#include "tracee.h"

#define STOP_AT_CALL (SIGTRAP | 0x80)		/* PTRACE_O_TRACESYSGOOD */
#define PTRACE_STOPPED(status) ((status) >> 16 == PTRACE_EVENT_STOP)
#define FOREVER (-1)				/* milliseconds */

/* Requests take addresses as numbers. As ptrace(2) returns, with errno. */
long request(int what, pid_t tid, uint64_t address, void *data);

/* Its next stop. -ETIMEDOUT, or -ESRCH: it has ended, or become another by exec. */
int wait_stop(pid_t tid, int milliseconds, int *ret_status);

int go_on(struct tracee *tracee, int how, int signal);	/* how: PTRACE_CONT, PTRACE_SYSCALL */
int interrupt(struct tracee *tracee);
int get_mask(pid_t tid, uint64_t *mask);
int set_mask(pid_t tid, uint64_t mask);

/* Is it the signal of a trap of ours (trap.h)? */
bool is_trap(pid_t tid, int status);

/*
 * What a stop is about. 1: it stands in get_signal(), as PTRACE_INTERRUPT or job
 * control wanted it. 0: it goes on. Signals on their way to it are seen only because
 * it is traced, and it has them; while its registers are not its own only SIGSTOP
 * can come (all others are blocked), which changes no registers.
 */
int on_stop(struct tracee *tracee, int status, int how);
int wait_standing(struct tracee *tracee);	/* 1, or -ESRCH */

#endif
