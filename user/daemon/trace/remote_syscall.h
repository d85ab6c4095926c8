/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a thread that a tracer has stopped is made to call, whichever way it came there. */
#ifndef MSEALD_TRACE_REMOTE_SYSCALL_H
#define MSEALD_TRACE_REMOTE_SYSCALL_H

#include "lib/base/range.h"
#include "lib/proc/maps.h"
#include "trace/tracee.h"

/* each is two stops; 6.12 may wait a tick for each (kernel/sched/core.c, wait_task_inactive) */
#define REMOTE_SYSCALL_MAX_RANGES 2000

enum remote_answer {
	ANSWER_SEALED,
	ANSWER_GONE, /* or another program by now */
	ANSWER_TRACED,
	ANSWER_NOT_ALLOWED, /* to trace it, or to suspend its seccomp filters */
	ANSWER_OTHER_CODE,  /* 32-bit, or it dispatches its system calls itself */
	ANSWER_NO_MOMENT,   /* the thread could not be stopped unnoticed */
	ANSWER_NO_THREAD,   /* none seemed so that it could be */
	ANSWER_NOT_RUNNING, /* nor does it when it is let */
	ANSWER_NO_CALL,	    /* no instruction of a system call anywhere */
	ANSWER_REFUSED,	    /* by mseal(2) itself: no longer mapped */
	ANSWER_LATE,	    /* the tracer still waits for something */
	ANSWER_FAILED,
	ANSWER_TOO_MANY,
	ANSWER_COUNT,
};

/* A phrase on the process, a string constant: "is traced by another program". */
const char *remote_answer_phrase(enum remote_answer answer);

/* Waits for the tracer to say something: as poll(2) returns, 0: not in time. */
int remote_syscall_await(int fd);

/*
 * Makes ready for calls a thread that is stopped. call: what it slept in. Whatever the
 * answer, it wants tracee_restore() or tracee_release().
 */
enum remote_answer remote_syscall_prepare(struct tracee *tracee, const struct blocked_call *call,
					  const struct proc_maps *maps);

/* mseal(2) for each range. */
enum remote_answer remote_syscall_mseal(struct tracee *tracee, const struct range *ranges, size_t count);

/*
 * It writes text to its standard error, as far as that can be had, and ends with status 1. -ESRCH:
 * it has; else it lives.
 */
int remote_syscall_exit(struct tracee *tracee, const char *text);

#endif
