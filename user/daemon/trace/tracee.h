/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread of another process, held by ptrace(2) and made to do system calls,
 * so that it does not notice: its registers, signal mask, the call it was in
 * and a restartable sequence go on as if nothing had been.
 *
 * Whoever calls this is the tracer, and must not do anything else: a thread
 * that was seized and was not stopped is let go only by the tracer's end. Once
 * something has been set going that the thread would notice, functions here
 * wait as long as it takes.
 */
#ifndef MSEALD_TRACE_TRACEE_H
#define MSEALD_TRACE_TRACEE_H

#include "base/arch.h"
#include "trace/perf_trap.h"

struct tracee {
	pid_t tid;
	unsigned long options; /* PTRACE_O_*, besides what calls need */
	struct regs saved;
	uint64_t mask;	      /* blocked signals, as the kernel has them: what its own code set */
	uint64_t blocked;     /* the same, or what ppoll(2) and the like have put in place of it */
	uint64_t instruction; /* of a system call, in its memory */
	struct perf_trap trap;
	bool fired, trapped; /* its signal: is on its way; was seen, and kept from the thread */
	bool changed;	     /* its registers and signal mask are not its own */
};

int tracee_continue(struct tracee *tracee, int how, int signal); /* how: PTRACE_CONT, PTRACE_SYSCALL */
int tracee_interrupt(struct tracee *tracee);

/*
 * What a stop is about. 1: it is stopped in get_signal(), as PTRACE_INTERRUPT or job
 * control wanted it. 0: it goes on. Signals on their way to it are seen only because
 * it is traced, and it has them; while its registers are not its own only SIGSTOP
 * can come (all others are blocked), which changes no registers.
 */
int tracee_on_stop(struct tracee *tracee, int status, int how);
/* Waits until it is stopped so. 1, or -ESRCH. */
int tracee_wait_stopped(struct tracee *tracee);

/* Seizes it, without stopping it. options: PTRACE_O_*. -EPERM: traced, or not ours to trace. */
int tracee_seize(struct tracee *tracee, pid_t tid, unsigned long options);

/* Of one that is in any stop. *ret_size: what there is of them, less for 32-bit code. Negative errno. */
int tracee_registers(pid_t tid, struct regs *ret, size_t *ret_size);

/*
 * Lets it have the signals that have come for it meanwhile. 1: it is stopped, as by
 * job control. 0: it goes on. -ESRCH: it has ended.
 */
int tracee_poll(struct tracee *tracee);

/*
 * From now on it stops should it return from the call in which it sleeps. So a tracer that finds it asleep
 * after that and stops it, does not stop it in the next call. -EBUSY: it blocks SIGTRAP; other errors:
 * the machine has no more breakpoints.
 */
int tracee_guard(struct tracee *tracee, const struct blocked_call *call);
/* No longer. 1: it has come there, and is stopped. 0: it has not. -ESRCH: it has ended. */
int tracee_unguard(struct tracee *tracee);

/* Stops it where it sleeps: what it sleeps in must be restartable_call(). 1, or -ESRCH: it has ended. */
int tracee_stop_sleeping(struct tracee *tracee);

/*
 * Stops it in the middle of its own code, never in a system call, which might
 * return half done. 1: it is stopped. 0: it was not seen there. -ESRCH: it has ended; other
 * errors: as tracee_guard().
 */
int tracee_stop_running(struct tracee *tracee, unsigned milliseconds);

/*
 * Of one that is stopped: keeps all that is to be restored, blocks its signals, suspends its seccomp
 * filters. call is what it slept in. After errors as well it wants tracee_release(). -EOPNOTSUPP: in
 * 32-bit code, or its system calls go to a handler of its own (prctl(2), PR_SET_SYSCALL_USER_DISPATCH).
 */
int tracee_prepare(struct tracee *tracee, const struct blocked_call *call, uint64_t instruction);

/*
 * One system call, and surely no other. *ret_result is the kernel's. -EBUSY: it does not run, as in a
 * frozen cgroup; -EPROTO: its code is no longer what it was; -ESRCH: it has ended.
 */
int tracee_call(struct tracee *tracee, long number, const uint64_t arguments[3], long *ret_result);

/* Restores all; it is stopped where it was, and can be prepared once more. */
int tracee_restore(struct tracee *tracee);
/* The same, and lets it go. */
int tracee_release(struct tracee *tracee);

#endif
