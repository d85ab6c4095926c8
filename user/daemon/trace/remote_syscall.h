/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that a thread stopped by a tracer is made to do, however it was stopped. */
#pragma once

#include "lib/base/range.h"
#include "lib/proc/maps.h"
#include "trace/tracee.h"

/* each is two stops; 6.12 may wait a tick for each (kernel/sched/core.c, wait_task_inactive) */
#define REMOTE_SYSCALL_MAX_RANGES 2000

enum remote_answer {
	ANSWER_SEALED,
	ANSWER_GONE, /* or has become another program */
	ANSWER_TRACED,
	ANSWER_NOT_ALLOWED, /* to trace it, or to suspend its seccomp filters */
	ANSWER_OTHER_CODE,  /* 32-bit, or it dispatches its system calls itself */
	ANSWER_NO_MOMENT,   /* the thread could not be stopped unnoticed */
	ANSWER_NO_THREAD,   /* no thread seemed suitable */
	ANSWER_NOT_RUNNING, /* nor does it run when released */
	ANSWER_NO_CALL,	    /* no instruction of a system call found */
	ANSWER_REFUSED,	    /* by mseal(2) itself: not mapped any more */
	ANSWER_LATE,	    /* the tracer is still waiting */
	ANSWER_FAILED,
	ANSWER_TOO_MANY,
	ANSWER_COUNT,
};

/* A phrase about the process, a string constant: "is traced by another program". */
const char *remote_answer_phrase(enum remote_answer answer);

/* Waits for a message of the tracer. Returns as poll(2); 0: not in time. */
int remote_syscall_await(int fd);

/*
 * Prepares a stopped thread for calls. call: the call in which it slept. After any answer the thread needs
 * tracee_restore() or tracee_release().
 */
enum remote_answer remote_syscall_prepare(struct tracee *tracee, const struct blocked_call *call,
					  const struct proc_maps *maps);

/* Calls mseal(2) for each range. */
enum remote_answer remote_syscall_mseal(struct tracee *tracee, const struct range *ranges, size_t count);

/* Makes it write text to stderr, if possible, and exit with status 1. -ESRCH: it has; otherwise it lives. */
int remote_syscall_exit(struct tracee *tracee, const char *text);
