// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The part of tracee.h that stops a thread at a moment that it does not notice. A SIGTRAP of mseald's trap
 * (perf_trap.h) must not outlive the tracer.
 */
#include <signal.h>

#include "lib/base/clock.h"
#include "process/procfs.h"
#include "trace/ptrace_ops.h"
#include "trace/restartable.h"
#include "trace/tracee.h"

static const uint64_t sigtrap = UINT64_C(1) << (SIGTRAP - 1);

/* With the thread stopped, removes a pending SIGTRAP of the trap, unblocked if necessary. */
static int take_pending_trap(struct tracee *tracee)
{
	uint64_t mask = 0;
	int status, r = 1;

	while (r == 1 && tracee->fired && !tracee->trapped &&
	       procfs_status_number(tracee->tid, "SigPnd", 16, UINT64_MAX) & sigtrap) {
		r = ptrace_get_mask(tracee->tid, &mask);
		if (r == 0 && mask & sigtrap)
			r = ptrace_set_mask(tracee->tid, mask & ~sigtrap);
		if (r == 0)
			r = tracee_continue(tracee, PTRACE_CONT, 0);
		if (r == 0)
			r = ptrace_wait(tracee->tid, PTRACE_FOREVER, &status);
		/*
		 * Stopped again, by a SIGCONT. Interrupting it as well would keep the signal from it forever.
		 */
		if (r == 0 && PTRACE_STOPPED(status))
			r = 1;
		if (r == 0)
			r = tracee_interrupt(tracee);
		if (r == 0)
			r = tracee_on_stop(tracee, status, PTRACE_CONT);
		if (r == 0)
			r = tracee_wait_stopped(tracee);
		if (r == 1 && mask & sigtrap && ptrace_set_mask(tracee->tid, mask) < 0)
			r = -ESRCH;
	}
	return r;
}

/* Waits for it to stop, interrupted or by itself, and removes the trap. */
static int await_stop(struct tracee *tracee)
{
	int r = tracee_wait_stopped(tracee);

	tracee->fired |= perf_trap_disarm(&tracee->trap);
	return r == 1 ? take_pending_trap(tracee) : r;
}

int tracee_seize(struct tracee *tracee, pid_t tid, unsigned long options)
{
	*tracee = (struct tracee){ .tid = tid, .options = options, .trap = PERF_TRAP_NONE };
	return ptrace_request(PTRACE_SEIZE, tid, 0, (void *)(uintptr_t)options);
}

int tracee_poll(struct tracee *tracee)
{
	int status, r = ptrace_wait(tracee->tid, 0, &status);

	if (r < 0)
		return r == -ETIMEDOUT ? 0 : r;
	return tracee_on_stop(tracee, status, PTRACE_CONT);
}

int tracee_stop_sleeping(struct tracee *tracee)
{
	int r = tracee_interrupt(tracee);

	return r < 0 ? r : await_stop(tracee);
}

/* A SIGTRAP blocked on arrival would stay pending, and one already pending would hide that of the trap. */
static bool trap_would_stay(const struct tracee *tracee, bool other_mask)
{
	return (procfs_status_number(tracee->tid, "SigPnd", 16, UINT64_MAX) |
		(other_mask ? 0 : procfs_status_number(tracee->tid, "SigBlk", 16, UINT64_MAX))) &
	       sigtrap;
}

int tracee_guard(struct tracee *tracee, const struct blocked_call *call)
{
	tracee->fired = tracee->trapped = false;
	/* In its own code it has its own mask again, which may not be visible from here. */
	return trap_would_stay(tracee, restartable_replaces_mask(call)) ?
		       -EBUSY :
		       perf_trap_at(tracee->tid, call->pc, &tracee->trap);
}

int tracee_unguard(struct tracee *tracee)
{
	tracee->fired |= perf_trap_disarm(&tracee->trap);
	return tracee->fired || tracee->trapped ? await_stop(tracee) : 0;
}

int tracee_stop_running(struct tracee *tracee, unsigned milliseconds)
{
	uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + milliseconds * NS_PER_MS;
	int status, r = 0;

	tracee->fired = tracee->trapped = false;
	if (trap_would_stay(tracee, false))
		return -EBUSY;
	r = perf_trap_at_tick(tracee->tid, &tracee->trap);
	while (r == 0 && !tracee->trapped && clock_ns(CLOCK_MONOTONIC) < deadline) {
		r = ptrace_wait(tracee->tid, (int)milliseconds, &status);
		if (r == 0)
			r = tracee_on_stop(tracee, status, PTRACE_CONT);
		else if (r == -ETIMEDOUT)
			r = 0;
	}
	if (r == 0)
		return tracee_unguard(tracee);
	tracee->fired |= perf_trap_disarm(&tracee->trap);
	return r == 1 ? take_pending_trap(tracee) : r;
}
