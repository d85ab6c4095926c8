// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See launch_tracer.h. From the moment the caller is seized until its program is sealed, only PTRACE_DETACH
 * releases it. If this process is killed, the program is killed with it (PTRACE_O_EXITKILL); if the daemon
 * dies, the program is ended.
 *
 * A perf event (perf_trap.h) stops it at the entry point: it writes no text and leaves nothing behind. Debug
 * registers set by PTRACE_POKEUSER would stay allocated, and slow down every task switch of the machine,
 * until the program ends. The program would run past the event if its SIGTRAP were blocked. So while the
 * loader runs its own code, SIGTRAP is unblocked; in a system call the mask is the loader's own.
 */
#include "trace/launch_tracer.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/arch.h"
#include "lib/base/clock.h"
#include "process/procfs.h"
#include "trace/ptrace_ops.h"

#define OPTIONS (PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)
#define RELRO_CALLS 200 /* system calls that a static program has for its RELRO, */
/* and time, while it is not stopped: sealing RELRO too early breaks it */
#define RELRO_MILLISECONDS 10000

static const uint64_t sigtrap = UINT64_C(1) << (SIGTRAP - 1);

/* --- before exec --- */

static bool is_theirs(const struct launch_order *order)
{
	struct stat file;
	char path[32];

	if (!procfs_lives(order->pidfd))
		return false;
	/* The file is root's if the process has, or had, more privileges than its user (task_dump_owner). */
	FORMAT(path, "/proc/%d/auxv", order->pid);
	return !order->uid || (stat(path, &file) == 0 && file.st_uid == order->uid);
}

/* Detaches without having changed anything. */
static void let_go(struct launch_tracer *tracer) __attribute__((noreturn));
static void let_go(struct launch_tracer *tracer)
{
	launch_must(tracer, ptrace_request(PTRACE_DETACH, tracer->tracee.tid, 0, NULL));
	_exit(0);
}

/* The caller runs freely until it execs; if the daemon reports that it will not, it is released. */
static void await_exec(struct launch_tracer *tracer)
{
	bool left = false;
	int status;

	for (;;) {
		if (launch_next(tracer, PTRACE_FOREVER, &status) == LAUNCH_MESSAGE) {
			/* If it has had an exec, that is the next stop anyway. */
			left = true;
			launch_must(tracer, tracee_interrupt(&tracer->tracee));
			continue;
		}
		if (status >> 16 == PTRACE_EVENT_EXEC)
			return;
		if (left && PTRACE_STOPPED(status))
			let_go(tracer);
		if (left)
			launch_must(tracer,
				    tracee_interrupt(&tracer->tracee)); /* this stop has cancelled it */
		launch_must(tracer, launch_pass_on(tracer, status, PTRACE_CONT));
	}
}

/* --- from exec to the entry point --- */

static bool bits_32(pid_t tid)
{
	struct regs regs;
	size_t size;

	return tracee_registers(tid, &regs, &size) == 0 && !regs_64bit(&regs, size);
}

/* Blocks SIGTRAP again, as the program has set it. */
static void show(struct launch_tracer *tracer)
{
	uint64_t mask = 0;

	if (!tracer->hidden)
		return;
	launch_must(tracer, ptrace_get_mask(tracer->tracee.tid, &mask));
	launch_must(tracer, ptrace_set_mask(tracer->tracee.tid, mask | sigtrap));
	if (tracer->owed)
		(void)syscall(SYS_tgkill, tracer->order->pid, tracer->tracee.tid, SIGTRAP);
	tracer->hidden = tracer->owed = false;
}

/* After a call comes its own code, which may contain the trap; before it, it may read its mask. */
static void at_call(struct launch_tracer *tracer)
{
	struct tracee *tracee = &tracer->tracee;
	struct __ptrace_syscall_info info = { 0 };
	uint64_t mask = 0;

	launch_must(tracer, ptrace_request(PTRACE_GET_SYSCALL_INFO, tracee->tid, sizeof(info), &info));
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		uint64_t start = info.entry.args[0], end = start + info.entry.args[1];

		tracer->protecting = info.entry.nr ==
					     (info.arch == ARCH_AUDIT_32 ? ARCH_MPROTECT_32 : SYS_mprotect) &&
				     !(info.entry.args[2] & PROT_WRITE) && start < tracer->image.relro_end &&
				     end > tracer->image.relro_start;
		show(tracer);
		return;
	}
	tracer->protecting &= info.exit.rval == 0;
	launch_must(tracer, ptrace_get_mask(tracee->tid, &mask));
	if (mask & sigtrap && tracee->trap.fd >= 0) {
		tracer->hidden = true;
		launch_must(tracer, ptrace_set_mask(tracee->tid, mask & ~sigtrap));
	}
}

/* Called at the stop of an exec. False: it has had another exec. */
static bool load(struct launch_tracer *tracer)
{
	struct tracee *tracee = &tracer->tracee;
	int status, r;

	tracee->trapped = false;
	tracer->hidden = tracer->owed = tracer->protecting = false;
	r = exec_image_read(tracee->tid, bits_32(tracee->tid), &tracer->image);
	if (r < 0)
		launch_end_unsealed(tracer, "cannot find the entry point");
	if (!tracer->image.loader) {
		/* It is at its entry point, and has not run yet. */
		launch_must(tracer, tracee_interrupt(tracee));
		launch_must(tracer, tracee_continue(tracee, PTRACE_CONT, 0));
		launch_must(tracer, tracee_wait_stopped(tracee));
		return true;
	}
	r = perf_trap_at(tracee->tid, tracer->image.entry, &tracee->trap);
	if (r < 0)
		launch_end_unsealed(
			tracer,
			"cannot stop at the entry point: all breakpoints of the machine may be in use");
	for (r = tracee_continue(tracee, PTRACE_SYSCALL, 0); r == 0;
	     r = launch_pass_on(tracer, status, PTRACE_SYSCALL)) {
		while (launch_next(tracer, PTRACE_FOREVER, &status) == LAUNCH_MESSAGE)
			; /* it has closed its connection, as expected */
		if (status >> 16 == 0 && WSTOPSIG(status) == PTRACE_STOP_AT_CALL)
			at_call(tracer);
		if (status >> 16 == PTRACE_EVENT_EXEC) {
			(void)perf_trap_disarm(&tracee->trap);
			return false;
		}
	}
	launch_must(tracer, r);
	(void)perf_trap_disarm(&tracee->trap);
	show(tracer);
	return true;
}

/*
 * Continues the stopped program until its RELRO is applied; or for a limited time, if it never applies it.
 * False: it has had an exec.
 */
static bool make_relro(struct launch_tracer *tracer)
{
	struct tracee *tracee = &tracer->tracee;
	uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + RELRO_MILLISECONDS * NS_PER_MS;
	bool halted = false;
	unsigned calls = 0;
	int status = 0;

	launch_must(tracer, tracee_continue(tracee, PTRACE_SYSCALL, 0));
	for (;;) {
		int64_t left = (int64_t)(deadline - clock_ns(CLOCK_MONOTONIC)) / 1000000;
		enum launch_happening happening = launch_next(tracer,
							      halted   ? PTRACE_FOREVER :
							      left > 0 ? (int)left :
									 0,
							      &status);

		if (happening == LAUNCH_MESSAGE)
			continue;
		if (halted)
			deadline = clock_ns(CLOCK_MONOTONIC) + RELRO_MILLISECONDS * NS_PER_MS;
		halted = happening == LAUNCH_STOPPED && launch_is_group_stop(status);
		if (happening == LAUNCH_STOPPED && status >> 16 == 0 &&
		    WSTOPSIG(status) == PTRACE_STOP_AT_CALL) {
			bool was = tracer->protecting;

			at_call(tracer);
			if ((was && tracer->protecting) || ++calls >= 2 * RELRO_CALLS)
				happening = LAUNCH_NOTHING;
		}
		if (happening == LAUNCH_NOTHING)
			break;
		if (status >> 16 == PTRACE_EVENT_EXEC)
			return false;
		launch_must(tracer, launch_pass_on(tracer, status, PTRACE_SYSCALL));
	}
	return launch_stop(tracer, PTRACE_FOREVER);
}

/* --- at the entry point --- */

static enum remote_answer call_mseal(struct launch_tracer *tracer)
{
	struct tracee *tracee = &tracer->tracee;
	_cleanup_(proc_maps_free) struct proc_maps maps = {};

	if (!tracee->changed && proc_maps_read(tracee->tid, &maps) < 0)
		return ANSWER_FAILED;
	if (!tracee->changed)
		tracer->unable = remote_syscall_prepare(tracee, &(struct blocked_call){ .number = -1 },
							&maps);
	if (tracer->unable != ANSWER_SEALED)
		return tracer->unable;
	return remote_syscall_mseal(tracee, tracer->ranges, tracer->more_size / sizeof(struct range));
}

/* Reports its position, and obeys the daemon until LAUNCH_GO. */
static void obey(struct launch_tracer *tracer, enum launch_word where)
{
	const struct launch_message report = { .word = where, .secure = tracer->image.secure };
	int status;

	if (launch_send(tracer->order->fd, &report, NULL, 0) < 0)
		launch_end_unsealed(tracer, "mseald has exited");
	for (;;) {
		if (launch_next(tracer, PTRACE_FOREVER, &status) != LAUNCH_MESSAGE)
			launch_ended(tracer); /* it was stopped already */
		switch (tracer->message.word) {
		case LAUNCH_MSEAL:
			(void)launch_say(tracer->order->fd, LAUNCH_CALLED, call_mseal(tracer));
			break;
		case LAUNCH_GO: return;
		case LAUNCH_END:
			tracer->more[MIN_OF(tracer->more_size, sizeof(tracer->more) - 1)] = '\0';
			launch_end_unsealed(tracer, tracer->more);
		}
	}
}

/* Connections of clients, and the socket itself, must not stay open as long as this process runs. */
static void leave_open(int one, int other)
{
	unsigned low = (unsigned)MIN_OF(one, other), high = (unsigned)MAX_OF(one, other);

	if (low > 3)
		(void)close_range(3, low - 1, 0);
	if (high > low + 1)
		(void)close_range(low + 1, high - 1, 0);
	(void)close_range(high + 1, ~0u, 0);
}

void launch_trace(const struct launch_order *order)
{
	static struct launch_tracer tracer;
	sigset_t child;
	int r;

	tracer.order = order;
	leave_open(order->fd, order->pidfd);
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	tracer.changes = signalfd(-1, &child, SFD_CLOEXEC);
	r = tracer.changes < 0 ? -errno :
	    !is_theirs(order)  ? -EACCES :
				 tracee_seize(&tracer.tracee, order->pid, OPTIONS);
	if (r < 0) {
		(void)launch_say(order->fd, LAUNCH_NOT_SEIZED,
				 r == -EPERM && procfs_status_number(order->pid, "TracerPid", 10, 1) ?
					 EALREADY :
					 (uint32_t)-r);
		_exit(1);
	}
	/* From here on the tracer sees any exec of it. */
	if (!is_theirs(order)) {
		(void)launch_say(order->fd, LAUNCH_NOT_SEIZED, EACCES);
		(void)launch_stop(&tracer, PTRACE_FOREVER);
		let_go(&tracer); /* also at the stop of an exec */
	}
	if (launch_say(order->fd, LAUNCH_SEIZED, 0) < 0)
		launch_end_unsealed(&tracer, "mseald has exited");
	await_exec(&tracer);
	do {
		while (!load(&tracer))
			;
		if (!tracer.image.relro_end)
			break;
		obey(&tracer, LAUNCH_FIRST);
		launch_must(&tracer, tracee_restore(&tracer.tracee));
	} while (!make_relro(&tracer));
	obey(&tracer, LAUNCH_ENTRY);
	_exit(tracee_release(&tracer.tracee) < 0);
}
