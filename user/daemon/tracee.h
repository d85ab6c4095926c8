/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread of another process, held by ptrace(2) and made to do system calls,
 * so that it does not notice: its registers, signal mask, the call it was in
 * and a restartable sequence go on as if nothing had been.
 *
 * Whoever calls this is the tracer, and must not do anything else: a thread
 * that was seized and could not be stopped is let go only by the tracer's end.
 */
#ifndef MSEALD_TRACEE_H
#define MSEALD_TRACEE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "registers.h"

struct tracee {
	pid_t tid;
	struct registers saved;
	uint64_t mask;			/* blocked signals, as the kernel has them */
	uint64_t instruction;		/* of a system call, in its memory */
	bool stop_signal;		/* SIGSTOP came meanwhile, and is sent again */
};

/* Seizes it, without stopping it. seccomp: its filters do not apply until it is released. -EPERM: traced, or not ours to trace. */
int tracee_seize(struct tracee *tracee, pid_t tid, bool seccomp);

/*
 * Stops it where it sleeps: what it slept in must be calls_restartable(). 1: it
 * stands. 0: not yet, it may still stop. -ESRCH: it has ended.
 */
int tracee_stop_sleeping(struct tracee *tracee, unsigned milliseconds);

/*
 * Stops it in the middle of its own code, never in a system call, which might
 * return half done: perf_event_open(2) with sigtrap raises a signal at a tick
 * in user code, which only the tracer sees. 1: it stands. 0: it was not seen there. -ESRCH: it has ended; other
 * errors: no such events here.
 */
int tracee_stop_running(struct tracee *tracee, unsigned milliseconds);

/* Lets it have a signal that has come for it meanwhile. 0, or -ESRCH. */
int tracee_pass_on(struct tracee *tracee);

/*
 * Of a stopped one: keeps all that is to be restored, blocks its signals. call
 * is what it slept in (number -1: nothing). -EOPNOTSUPP: in 32-bit code, or its
 * system calls go to a handler of its own (prctl(2), PR_SET_SYSCALL_USER_DISPATCH).
 */
int tracee_prepare(struct tracee *tracee, const struct blocked_call *call, uint64_t instruction);

/* One system call. *ret_result is the kernel's. Errors: it is gone. */
int tracee_call(struct tracee *tracee, long number, const uint64_t arguments[3], long *ret_result);

/* Restores all and lets it go. */
int tracee_release(struct tracee *tracee);

#endif
