/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread of another process, held by ptrace(2) and made to do system calls without noticing: registers,
 * signal mask, the interrupted call and a restartable sequence continue unchanged.
 *
 * The caller is the tracer, and must do nothing else: only the tracer's exit releases a thread that was
 * seized and not stopped. Once the thread could notice a change, functions here wait as long as it takes to
 * undo the change.
 */
#pragma once

#include "base/arch.h"
#include "trace/perf_trap.h"

struct tracee {
	pid_t tid;
	unsigned long options; /* PTRACE_O_*, in addition to those that calls need */
	struct regs saved;
	uint64_t mask;	      /* blocked signals in the kernel's format: set by its own code */
	uint64_t blocked;     /* the same, or the replacement by ppoll(2) and similar calls */
	uint64_t instruction; /* address of a system call instruction */
	struct perf_trap trap;
	bool fired, trapped; /* its signal: is pending; was seen, and withheld from the thread */
	bool stopping;	     /* a signal has interrupted its call: the tracer has to wait until it stops */
	bool changed;	     /* its registers and signal mask are replaced */
	bool sleeps_on;	     /* the call that it slept in continues as restart_syscall(2) */
};

int tracee_continue(struct tracee *tracee, int how, int signal); /* how: PTRACE_CONT, PTRACE_SYSCALL */
int tracee_interrupt(struct tracee *tracee);

/*
 * Handles a stop. 1: it is stopped in get_signal(), by PTRACE_INTERRUPT or job control. 0: it continues.
 * Pending signals are seen only because it is traced, and are delivered. While its registers are replaced
 * only SIGSTOP can come (all others are blocked), which changes no registers.
 */
int tracee_on_stop(struct tracee *tracee, int status, int how);
/* Waits until it is stopped in get_signal(). 1, or -ESRCH. */
int tracee_wait_stopped(struct tracee *tracee);

/* Seizes it, without stopping it. options: PTRACE_O_*. -EPERM: traced, or tracing is not permitted. */
int tracee_seize(struct tracee *tracee, pid_t tid, unsigned long options);

/*
 * Reads the registers of a thread in any stop. *ret_size: their size, less for 32-bit code. Negative errno.
 */
int tracee_registers(pid_t tid, struct regs *ret, size_t *ret_size);

/*
 * Delivers the signals that have come meanwhile. 1: it is stopped, as by job control. 0: it continues.
 * -ESRCH: it has ended.
 */
int tracee_poll(struct tracee *tracee);

/*
 * From now on it stops if it returns from the call in which it sleeps. So a tracer that then finds it asleep,
 * and stops it, does not stop it in the next call. -EBUSY: it blocks SIGTRAP; other errors: the machine has
 * no free breakpoint.
 */
int tracee_guard(struct tracee *tracee, const struct blocked_call *call);
/* Ends the guard. 1: it has returned from the call, and is stopped. 0: it has not. -ESRCH: it has ended. */
int tracee_unguard(struct tracee *tracee);

/* Stops it in its sleep: restartable_call() must hold for the call. 1, or -ESRCH: it has ended. */
int tracee_stop_sleeping(struct tracee *tracee);

/*
 * Stops it in its own code, never in a system call, which might return half done. 1: it is stopped. 0: it was
 * not seen there. -ESRCH: it has ended; other errors: as tracee_guard().
 */
int tracee_stop_running(struct tracee *tracee, unsigned milliseconds);

/*
 * May this process suspend the seccomp filters of a thread that it traces? No if it is under a filter itself,
 * or the kernel has no CONFIG_CHECKPOINT_RESTORE (kernel/ptrace.c, check_ptrace_options).
 */
bool tracee_may_suspend_filters(void);

/*
 * For a stopped thread: saves its state, blocks its signals, suspends its seccomp filters. call: the call in
 * which it slept. Also after errors it needs tracee_release(). -EOPNOTSUPP: in 32-bit code, or its system
 * calls go to a handler of its own (prctl(2), PR_SET_SYSCALL_USER_DISPATCH).
 */
int tracee_prepare(struct tracee *tracee, const struct blocked_call *call, uint64_t instruction);

/*
 * Makes it do exactly this system call. *ret_result is the kernel's result. -EBUSY: it does not run, for
 * example in a frozen cgroup; -EPROTO: its code has changed; -ESRCH: it has ended.
 */
int tracee_call(struct tracee *tracee, long number, const uint64_t arguments[3], long *ret_result);

/* Restores everything; it is stopped as before, and can be prepared again. */
int tracee_restore(struct tracee *tracee);
/*
 * The same, and releases it. A sleep that its filters might not let it continue is released by the tracer's
 * exit.
 */
int tracee_release(struct tracee *tracee);
