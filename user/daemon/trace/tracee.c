// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See tracee.h; tracee_stop.c stops threads. Everything is changed and restored in stops inside the kernel's
 * get_signal() (kernel/signal.c), where PTRACE_INTERRUPT holds a thread. The kernel itself then does the rest
 * on the restored registers: it restarts the interrupted call, or delivers a signal instead.
 */
#include "trace/tracee.h"

#include <elf.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "process/procfs.h"
#include "trace/ptrace_ops.h"
#include "trace/restartable.h"

#define BEGIN_MILLISECONDS 2000 /* it only has to reach an instruction */
#define SLEEP_MILLISECONDS 1	/* between two looks */

#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
/* PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, include/uapi/linux/ptrace.h, 6.4 */
#define PTRACE_GET_USER_DISPATCH 0x4211

int tracee_continue(struct tracee *tracee, int how, int signal)
{
	return ptrace_request(how, tracee->tid, 0, (void *)(intptr_t)signal);
}

int tracee_interrupt(struct tracee *tracee)
{
	return ptrace_request(PTRACE_INTERRUPT, tracee->tid, 0, NULL);
}

int tracee_on_stop(struct tracee *tracee, int status, int how)
{
	if (PTRACE_STOPPED(status))
		return 1;
	if (ptrace_is_trap(tracee->tid, status)) {
		int r;

		tracee->trapped = true;
		r = tracee_interrupt(tracee);
		return r < 0 ? r : tracee_continue(tracee, how, 0);
	}
	if (status >> 16 || WSTOPSIG(status) == PTRACE_STOP_AT_CALL)
		return tracee_continue(tracee, how, 0);
	/*
	 * A signal that it ignores has interrupted its call all the same, as it is traced (kernel/signal.c,
	 * sig_ignored). So it is stopped on its way back, where the call can be restarted.
	 */
	if (!tracee->changed)
		tracee->stopping = tracee_interrupt(tracee) == 0;
	return tracee_continue(tracee, how, WSTOPSIG(status));
}

int tracee_wait_stopped(struct tracee *tracee)
{
	int status, r;

	do {
		r = ptrace_wait(tracee->tid, PTRACE_FOREVER, &status);
		if (r == 0)
			r = tracee_on_stop(tracee, status, PTRACE_CONT);
	} while (r == 0);
	return r;
}

int tracee_registers(pid_t tid, struct regs *ret, size_t *ret_size)
{
	struct iovec buffer = { .iov_base = &ret->r, .iov_len = sizeof(ret->r) };
	int r = ptrace_request(PTRACE_GETREGSET, tid, NT_PRSTATUS, &buffer);

	if (r == 0)
		*ret_size = buffer.iov_len;
	return r;
}

static int write_registers(pid_t tid, const struct regs *regs)
{
	struct regs copy = *regs;
	struct iovec buffer = { .iov_base = &copy.r, .iov_len = sizeof(copy.r) };

	return ptrace_request(PTRACE_SETREGSET, tid, NT_PRSTATUS, &buffer);
}

static bool read_memory(pid_t tid, uint64_t address, void *out, size_t size)
{
	struct iovec local = { .iov_base = out, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };

	return process_vm_readv(tid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

/*
 * A thread held in a restartable sequence (rseq(2)) must continue at its abort handler. The kernel usually
 * does this. But during the remote call it finds the thread elsewhere, and assumes that it has left the
 * sequence (kernel/rseq.c, rseq_ip_fixup).
 */
static void abort_sequence(struct tracee *tracee)
{
	struct {
		uint64_t pointer;
		uint32_t size, signature, flags, pad;
	} area;
	struct {
		uint32_t version, flags;
		uint64_t start, length, abort;
	} sequence;
	uint64_t address;

	if (ptrace_request(PTRACE_GET_RSEQ_CONFIGURATION, tracee->tid, sizeof(area), &area) < 0 ||
	    !area.pointer)
		return;
	/* struct rseq: cpu_id_start, cpu_id, then rseq_cs (include/uapi/linux/rseq.h). */
	if (!read_memory(tracee->tid, area.pointer + 8, &address, sizeof(address)) || !address ||
	    !read_memory(tracee->tid, address, &sequence, sizeof(sequence)))
		return;
	if (regs_ip(&tracee->saved) - sequence.start < sequence.length)
		regs_set_ip(&tracee->saved, sequence.abort);
}

static bool dispatches_calls(pid_t tid)
{
	struct {
		uint64_t mode, selector, offset, length;
	} dispatch = { 0 };

	return ptrace_request(PTRACE_GET_USER_DISPATCH, tid, sizeof(dispatch), &dispatch) == 0 &&
	       dispatch.mode;
}

bool tracee_may_suspend_filters(void)
{
	/* Nobody traces himself: this only checks the option (kernel/ptrace.c, ptrace_attach). */
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0 &&
	       ptrace_request(PTRACE_SEIZE, getpid(), 0, (void *)(uintptr_t)PTRACE_O_SUSPEND_SECCOMP) !=
		       -EINVAL;
}

/* Suspends its filters while its own code does not run. */
static int set_options(const struct tracee *tracee)
{
	uintptr_t options = tracee->options | PTRACE_O_TRACESYSGOOD;
	pid_t tid = tracee->tid;

	if (ptrace_request(PTRACE_SETOPTIONS, tid, 0, (void *)(options | PTRACE_O_SUSPEND_SECCOMP)) == 0)
		return 0;
	if (procfs_status_number(tid, "Seccomp", 16, UINT64_MAX) != 0)
		return -EPERM;
	return ptrace_request(PTRACE_SETOPTIONS, tid, 0, (void *)options);
}

int tracee_prepare(struct tracee *tracee, const struct blocked_call *seen, uint64_t instruction)
{
	unsigned char code[sizeof(regs_instruction)];
	struct blocked_call call = *seen;
	size_t size = 0;
	int r;

	r = tracee_registers(tracee->tid, &tracee->saved, &size);
	if (r < 0)
		return r;
	if (!regs_64bit(&tracee->saved, size))
		return -EOPNOTSUPP;
	/* From here on its registers must be restored. A call interrupted by the stop is restarted. */
	tracee->changed = true;
	regs_get_call(&tracee->saved, &call);
	tracee->sleeps_on = regs_keep_timeout(&tracee->saved, &call);
	if (restartable_call(&call))
		regs_restart(&tracee->saved, &call);
	/*
	 * GETSIGMASK returns the mask that ppoll and similar calls have replaced while they sleep
	 * (kernel/ptrace.c).
	 */
	tracee->blocked = procfs_status_number(tracee->tid, "SigBlk", 16, UINT64_MAX);
	r = ptrace_get_mask(tracee->tid, &tracee->mask);
	if (r == 0)
		r = ptrace_set_mask(tracee->tid, ~UINT64_C(0));
	if (r == 0)
		r = set_options(tracee);
	if (r < 0)
		return r;
	if (dispatches_calls(tracee->tid))
		return -EOPNOTSUPP;
	if (!read_memory(tracee->tid, instruction, code, sizeof(code)) ||
	    memcmp(code, regs_instruction, sizeof(code)) != 0)
		return -EPROTO;
	abort_sequence(tracee);
	tracee->instruction = instruction;
	return 0;
}

/* Lets it run to the beginning of a system call. -EBUSY: it stops in get_signal() instead. */
static int to_begin(struct tracee *tracee)
{
	int milliseconds = BEGIN_MILLISECONDS, status, r = tracee_continue(tracee, PTRACE_SYSCALL, 0);

	while (r == 0) {
		r = ptrace_wait(tracee->tid, milliseconds, &status);
		if (r == -ETIMEDOUT) {
			milliseconds = PTRACE_FOREVER;
			r = tracee_interrupt(tracee);
			continue;
		}
		if (r < 0 || WSTOPSIG(status) == PTRACE_STOP_AT_CALL)
			return r;
		r = tracee_on_stop(tracee, status, PTRACE_SYSCALL);
		/* Another thread stops the group: this one may stop when it is released. */
		if (r == 1)
			r = milliseconds == PTRACE_FOREVER ? -EBUSY :
							     tracee_continue(tracee, PTRACE_SYSCALL, 0);
	}
	return r;
}

/* Lets it run to the end of the call, where it stops: only a SIGKILL prevents that. */
static int to_end(struct tracee *tracee)
{
	int status, r = tracee_continue(tracee, PTRACE_SYSCALL, 0);

	return r < 0 ? r : ptrace_wait(tracee->tid, PTRACE_FOREVER, &status);
}

static struct __ptrace_syscall_info call_info(pid_t tid)
{
	struct __ptrace_syscall_info info = { 0 };

	(void)ptrace_request(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info);
	return info;
}

/* At the begin of a call: is it this one? A 32-bit call may have the same number. */
static bool is_call(const struct tracee *tracee, long number, const uint64_t arguments[3])
{
	struct __ptrace_syscall_info info = call_info(tracee->tid);

	return info.op == PTRACE_SYSCALL_INFO_ENTRY && info.arch == ARCH_AUDIT &&
	       info.instruction_pointer == tracee->instruction + sizeof(regs_instruction) &&
	       info.entry.nr == (uint64_t)number &&
	       memcmp(info.entry.args, arguments, 3 * sizeof(*arguments)) == 0;
}

int tracee_call(struct tracee *tracee, long number, const uint64_t arguments[3], long *ret_result)
{
	struct regs regs = tracee->saved;
	bool meant;
	size_t size;
	int r;

	regs_set_call(&regs, tracee->instruction, number, arguments);
	r = write_registers(tracee->tid, &regs);
	if (r == 0)
		r = to_begin(tracee);
	if (r < 0)
		return r;
	/*
	 * Another thread may have written other code there: to make a call that the suspended filters forbid,
	 * or one that only seems to be this one.
	 */
	meant = is_call(tracee, number, arguments);
	if (!meant)
		r = arch_skip_call(tracee->tid);
	if (r == 0)
		r = to_end(tracee);
	if (r == 0)
		r = tracee_registers(tracee->tid, &regs, &size);
	if (r < 0)
		return r;
	if (!meant)
		return -EPROTO;
	*ret_result = regs_result(&regs);
	return 0;
}

/* --- releasing it --- */

/*
 * Lets it restart its call. A call like ppoll(2) is restarted with the mask that replaces the thread's. In
 * between, no signal may come that one mask blocks and the other does not. So such signals are held until the
 * call begins. 1: it is stopped there. 0: elsewhere, with *ret_signal to be delivered.
 */
static int begin_call(struct tracee *tracee, int *ret_signal)
{
	int status, r;

	r = ptrace_set_mask(tracee->tid, tracee->mask | tracee->blocked);
	do {
		if (r == 0)
			r = tracee_continue(tracee, PTRACE_SYSCALL, *ret_signal);
		if (r == 0)
			r = ptrace_wait(tracee->tid, BEGIN_MILLISECONDS, &status);
		/* Other code is there by now, and makes no call. */
		if (r == -ETIMEDOUT)
			r = tracee_interrupt(tracee) ?: ptrace_wait(tracee->tid, PTRACE_FOREVER, &status);
		if (r < 0)
			return r;
		*ret_signal = status >> 16 || WSTOPSIG(status) == PTRACE_STOP_AT_CALL ? 0 : WSTOPSIG(status);
	} while (*ret_signal && tracee->sleeps_on);
	r = ptrace_set_mask(tracee->tid, tracee->mask);
	return r < 0 ? r : status >> 16 == 0 && !*ret_signal;
}

/* Does it begin to continue its sleep? Other code may be there by now, and make another call. */
static bool begins_restart(pid_t tid)
{
	struct __ptrace_syscall_info info = call_info(tid);

	return info.op == PTRACE_SYSCALL_INFO_ENTRY && info.arch == ARCH_AUDIT &&
	       info.entry.nr == SYS_restart_syscall;
}

/* Has a signal interrupted its sleep again? */
static bool ends_with_restart(pid_t tid)
{
	struct __ptrace_syscall_info info = call_info(tid);

	return info.op == PTRACE_SYSCALL_INFO_EXIT && info.exit.rval == -REGS_ERESTART_RESTARTBLOCK;
}

/* Lets it pass its suspended filters. 1: it sleeps. 0: it is stopped at the end of the call. */
static int pass_filters(struct tracee *tracee)
{
	int status, r = tracee_continue(tracee, PTRACE_SYSCALL, 0);
	char path[32];

	FORMAT(path, "/proc/%d/stat", tracee->tid);
	while (r == 0) {
		r = ptrace_wait(tracee->tid, SLEEP_MILLISECONDS, &status);
		if (r != -ETIMEDOUT)
			break;
		r = procfs_state(AT_FDCWD, path) == 'S';
	}
	return r;
}

/*
 * No program makes restart_syscall(2), by which the kernel continues a sleep with a timeout, and hence many a
 * filter forbids it. 1: the thread sleeps in that call, not stopped. 0: it is stopped, and *ret_signal is to
 * be delivered.
 */
static int rejoin_call(struct tracee *tracee, int *ret_signal)
{
	bool masked = tracee->blocked != tracee->mask && tracee->blocked != ~UINT64_C(0) &&
		      regs_restarts(&tracee->saved);
	bool filtered = tracee->sleeps_on && procfs_status_number(tracee->tid, "Seccomp", 10, 0) != 0;
	int r = 0;

	if (masked || filtered)
		r = begin_call(tracee, ret_signal);
	while (r == 1 && filtered && begins_restart(tracee->tid)) {
		r = pass_filters(tracee);
		if (r != 0 || !ends_with_restart(tracee->tid))
			return r;
		r = begin_call(tracee, ret_signal);
	}
	return r < 0 ? r : 0;
}

/* From the end of a call back into get_signal(), before it runs user code. */
static int restore(struct tracee *tracee)
{
	int r;

	if (!tracee->changed)
		return 0;
	r = tracee_interrupt(tracee);
	if (r == 0)
		r = tracee_continue(tracee, PTRACE_CONT, 0);
	if (r == 0)
		r = tracee_wait_stopped(tracee);
	if (r == 1)
		r = write_registers(tracee->tid, &tracee->saved);
	if (r == 0)
		r = ptrace_set_mask(tracee->tid, tracee->mask);
	if (r == 0)
		tracee->changed = false;
	return r;
}

int tracee_restore(struct tracee *tracee)
{
	int r = restore(tracee);

	/* Its filters apply again. */
	return r < 0 ? r :
		       ptrace_request(PTRACE_SETOPTIONS, tracee->tid, 0, (void *)(uintptr_t)tracee->options);
}

int tracee_release(struct tracee *tracee)
{
	bool rejoins = tracee->changed;
	int signal = 0, detached, r = restore(tracee);

	if (r == 0 && rejoins)
		r = rejoin_call(tracee, &signal);
	if (r == 1) /* the tracer's exit will not wake it up */
		return 0;
	detached = ptrace_request(PTRACE_DETACH, tracee->tid, 0, (void *)(intptr_t)signal);
	return r < 0 ? r : detached;
}
