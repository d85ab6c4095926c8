// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See tracee.h. Everything is changed and restored in stops inside the
 * kernel's get_signal() (kernel/signal.c), where PTRACE_INTERRUPT holds a
 * thread: what follows there - making the interrupted call again, delivering a
 * signal instead - then is done by the kernel itself, on the restored registers.
 */
#include "tracee.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "calls.h"
#include "util.h"

#define STOP_AT_CALL (SIGTRAP | 0x80)		/* PTRACE_O_TRACESYSGOOD */
#define PTRACE_STOPPED(status) ((status) >> 16 == PTRACE_EVENT_STOP)
#define POLL_NS 20000
#define FOREVER (-1)
#define BEGIN_MILLISECONDS 2000			/* it only has to run to an instruction */

#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif
#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
#define PTRACE_GET_USER_DISPATCH 0x4211		/* PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, include/uapi/linux/ptrace.h, 6.4 */

static const uint64_t sigtrap = UINT64_C(1) << (SIGTRAP - 1);

/* Requests take addresses as numbers. */
static long request(int what, pid_t tid, uint64_t address, void *data)
{
	return ptrace((enum __ptrace_request)what, tid, (void *)(uintptr_t)address, data);
}

static uint64_t now_ns(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Its next stop. -ETIMEDOUT, or -ESRCH: it has ended, or become another by exec. */
static int wait_stop(pid_t tid, int milliseconds, int *ret_status)
{
	uint64_t deadline = now_ns() + (uint64_t)(milliseconds < 0 ? 0 : milliseconds) * 1000000;

	for (;;) {
		const struct timespec pause = { .tv_nsec = POLL_NS };
		int status;
		pid_t got = waitpid(tid, &status, __WALL | (milliseconds < 0 ? 0 : WNOHANG));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || (got == tid && !WIFSTOPPED(status)))
			return -ESRCH;
		if (got == tid) {
			*ret_status = status;
			return 0;
		}
		if (now_ns() > deadline)
			return -ETIMEDOUT;
		(void)nanosleep(&pause, NULL);
	}
}

static int go_on(struct tracee *tracee, int how, int signal)
{
	return request(how, tracee->tid, 0, (void *)(intptr_t)signal) < 0 ? -errno : 0;
}

static int interrupt(struct tracee *tracee)
{
	return request(PTRACE_INTERRUPT, tracee->tid, 0, NULL) < 0 ? -errno : 0;
}

static int get_mask(pid_t tid, uint64_t *mask)
{
	return request(PTRACE_GETSIGMASK, tid, sizeof(*mask), mask) < 0 ? -errno : 0;
}

static int set_mask(pid_t tid, uint64_t mask)
{
	return request(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask) < 0 ? -errno : 0;
}

/* Signals of a thread, from /proc; all when that cannot be told. */
static uint64_t signals_in(pid_t tid, const char *which)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[48], line[128], name[16];
	unsigned long long mask = ~0ull;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%15[^:]: %llx", name, &mask) == 2 && strcmp(name, which) == 0)
			return mask;
	return ~0ull;
}

/* --- stopping it --- */

/* The signal of our own trap? Another's SIGTRAP is its own affair. */
static bool is_trap(pid_t tid, int status)
{
	siginfo_t info;
	uint64_t data;

	if (status >> 16 || WSTOPSIG(status) != SIGTRAP || request(PTRACE_GETSIGINFO, tid, 0, &info) < 0)
		return false;
	memcpy(&data, (char *)&info.si_addr + sizeof(info.si_addr), sizeof(data));	/* si_perf_data */
	return info.si_code == TRAP_PERF && data == TRAP_DATA;
}

/*
 * What a stop is about. 1: it stands in get_signal(), as PTRACE_INTERRUPT or job
 * control wanted it. 0: it goes on. Signals on their way to it are seen only because
 * it is traced, and it has them; while its registers are not its own only SIGSTOP
 * can come (all others are blocked), which changes no registers.
 */
static int on_stop(struct tracee *tracee, int status, int how)
{
	if (PTRACE_STOPPED(status))
		return 1;
	if (is_trap(tracee->tid, status)) {
		int r;

		tracee->trapped = true;
		r = interrupt(tracee);
		return r < 0 ? r : go_on(tracee, how, 0);
	}
	return go_on(tracee, how, status >> 16 || WSTOPSIG(status) == STOP_AT_CALL ? 0 : WSTOPSIG(status));
}

static int wait_standing(struct tracee *tracee)
{
	int status, r;

	do {
		r = wait_stop(tracee->tid, FOREVER, &status);
		if (r == 0)
			r = on_stop(tracee, status, PTRACE_CONT);
	} while (r == 0);
	return r;
}

/* It stands; a SIGTRAP of our trap that is still pending is taken from it, unblocked if need be. */
static int take_pending_trap(struct tracee *tracee)
{
	uint64_t mask = 0;
	int status, r = 1;

	while (r == 1 && tracee->fired && !tracee->trapped && signals_in(tracee->tid, "SigPnd") & sigtrap) {
		r = get_mask(tracee->tid, &mask);
		if (r == 0 && mask & sigtrap)
			r = set_mask(tracee->tid, mask & ~sigtrap);
		if (r == 0)
			r = go_on(tracee, PTRACE_CONT, 0);
		if (r == 0)
			r = wait_stop(tracee->tid, FOREVER, &status);
		if (r == 0)
			r = interrupt(tracee);
		if (r == 0)
			r = on_stop(tracee, status, PTRACE_CONT);
		if (r == 0)
			r = wait_standing(tracee);
		if (r == 1 && mask & sigtrap && set_mask(tracee->tid, mask) < 0)
			r = -ESRCH;
	}
	return r;
}

/* Stands it still, from a stop of ours or from what it does. */
static int hold(struct tracee *tracee)
{
	int r = wait_standing(tracee);

	tracee->fired |= trap_disarm(&tracee->trap);
	return r == 1 ? take_pending_trap(tracee) : r;
}

int tracee_seize(struct tracee *tracee, pid_t tid)
{
	*tracee = (struct tracee){ .tid = tid, .trap = TRAP_NONE };
	return request(PTRACE_SEIZE, tid, 0, NULL) < 0 ? -errno : 0;
}

int tracee_poll(struct tracee *tracee)
{
	int status, r = wait_stop(tracee->tid, 0, &status);

	if (r < 0)
		return r == -ETIMEDOUT ? 0 : r;
	return on_stop(tracee, status, PTRACE_CONT);
}

int tracee_stop_sleeping(struct tracee *tracee)
{
	int r = interrupt(tracee);

	return r < 0 ? r : hold(tracee);
}

/* One that is blocked when it comes stays pending. One that is pending already would swallow ours. */
static bool trap_would_stay(const struct tracee *tracee, bool other_mask)
{
	return (signals_in(tracee->tid, "SigPnd") | (other_mask ? 0 : signals_in(tracee->tid, "SigBlk"))) & sigtrap;
}

int tracee_guard(struct tracee *tracee, const struct blocked_call *call)
{
	tracee->fired = tracee->trapped = false;
	/* It has its own mask again when it is in its own code, which may not be seen from here. */
	return trap_would_stay(tracee, calls_replaces_mask(call)) ? -EBUSY : trap_at(tracee->tid, call->pc, &tracee->trap);
}

int tracee_unguard(struct tracee *tracee)
{
	tracee->fired |= trap_disarm(&tracee->trap);
	return tracee->fired || tracee->trapped ? hold(tracee) : 0;
}

int tracee_stop_running(struct tracee *tracee, unsigned milliseconds)
{
	uint64_t deadline = now_ns() + milliseconds * UINT64_C(1000000);
	int status, r = 0;

	tracee->fired = tracee->trapped = false;
	if (trap_would_stay(tracee, false))
		return -EBUSY;
	r = trap_at_tick(tracee->tid, &tracee->trap);
	while (r == 0 && !tracee->trapped && now_ns() < deadline) {
		r = wait_stop(tracee->tid, (int)milliseconds, &status);
		if (r == 0)
			r = on_stop(tracee, status, PTRACE_CONT);
		else if (r == -ETIMEDOUT)
			r = 0;
	}
	if (r == 0)
		return tracee_unguard(tracee);
	tracee->fired |= trap_disarm(&tracee->trap);
	return r == 1 ? take_pending_trap(tracee) : r;
}

/* --- in it --- */

static int read_registers(pid_t tid, struct registers *ret, size_t *ret_size)
{
	struct iovec buffer = { .iov_base = &ret->r, .iov_len = sizeof(ret->r) };

	if (request(PTRACE_GETREGSET, tid, NT_PRSTATUS, &buffer) < 0)
		return -errno;
	*ret_size = buffer.iov_len;
	return 0;
}

static int write_registers(pid_t tid, const struct registers *registers)
{
	struct registers copy = *registers;
	struct iovec buffer = { .iov_base = &copy.r, .iov_len = sizeof(copy.r) };

	return request(PTRACE_SETREGSET, tid, NT_PRSTATUS, &buffer) < 0 ? -errno : 0;
}

static bool read_memory(pid_t tid, uint64_t address, void *out, size_t size)
{
	struct iovec local = { .iov_base = out, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };

	return process_vm_readv(tid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

/*
 * In a restartable sequence (rseq(2)) a thread that was held must not go on
 * where it was, but at its abort handler. The kernel would see to that, but
 * finds the thread elsewhere when it does our call, and takes it to have left
 * (kernel/rseq.c, rseq_ip_fixup).
 */
static void abort_sequence(struct tracee *tracee)
{
	struct { uint64_t pointer; uint32_t size, signature, flags, pad; } area;
	struct { uint32_t version, flags; uint64_t start, length, abort; } sequence;
	uint64_t address;

	if (request(PTRACE_GET_RSEQ_CONFIGURATION, tracee->tid, sizeof(area), &area) < 0 || !area.pointer)
		return;
	/* struct rseq: cpu_id_start, cpu_id, then rseq_cs (include/uapi/linux/rseq.h). */
	if (!read_memory(tracee->tid, area.pointer + 8, &address, sizeof(address)) || !address ||
	    !read_memory(tracee->tid, address, &sequence, sizeof(sequence)))
		return;
	if (registers_ip(&tracee->saved) - sequence.start < sequence.length)
		registers_set_ip(&tracee->saved, sequence.abort);
}

static bool dispatches_calls(pid_t tid)
{
	struct { uint64_t mode, selector, offset, length; } dispatch = { 0 };

	return request(PTRACE_GET_USER_DISPATCH, tid, sizeof(dispatch), &dispatch) == 0 && dispatch.mode;
}

/*
 * Its filters do not apply while it makes our calls - and only then: its own code does not run
 * meanwhile. Where that cannot be had (include/uapi: CONFIG_CHECKPOINT_RESTORE; the tracer must be
 * under no filter itself), a filter forbids it.
 */
static int set_options(pid_t tid)
{
	uintptr_t options = PTRACE_O_TRACESYSGOOD;

	if (request(PTRACE_SETOPTIONS, tid, 0, (void *)(options | PTRACE_O_SUSPEND_SECCOMP)) == 0)
		return 0;
	if (signals_in(tid, "Seccomp") != 0)
		return -EPERM;
	return request(PTRACE_SETOPTIONS, tid, 0, (void *)options) < 0 ? -errno : 0;
}

int tracee_prepare(struct tracee *tracee, const struct blocked_call *seen, uint64_t instruction)
{
	unsigned char code[sizeof(registers_instruction)];
	struct blocked_call call = *seen;
	size_t size = 0;
	int r;

	r = read_registers(tracee->tid, &tracee->saved, &size);
	if (r < 0)
		return r;
	if (!registers_64bit(&tracee->saved, size))
		return -EOPNOTSUPP;
	/* From here on it wants its registers back: a call that gave up for our sake is made again. */
	tracee->changed = true;
	registers_get_call(&tracee->saved, &call);
	if (calls_restartable(&call))
		registers_restart(&tracee->saved, &call);
	/* GETSIGMASK knows the mask that ppoll and the like replaced for their sleep (kernel/ptrace.c). */
	tracee->blocked = signals_in(tracee->tid, "SigBlk");
	r = get_mask(tracee->tid, &tracee->mask);
	if (r == 0)
		r = set_mask(tracee->tid, ~UINT64_C(0));
	if (r == 0)
		r = set_options(tracee->tid);
	if (r < 0)
		return r;
	if (dispatches_calls(tracee->tid))
		return -EOPNOTSUPP;
	if (!read_memory(tracee->tid, instruction, code, sizeof(code)) ||
	    memcmp(code, registers_instruction, sizeof(code)) != 0)
		return -EPROTO;
	abort_sequence(tracee);
	tracee->instruction = instruction;
	return 0;
}

/* Lets it run to where a system call begins. -EBUSY: it does not get there, and stands in get_signal(). */
static int to_begin(struct tracee *tracee)
{
	int milliseconds = BEGIN_MILLISECONDS, status, r = go_on(tracee, PTRACE_SYSCALL, 0);

	while (r == 0) {
		r = wait_stop(tracee->tid, milliseconds, &status);
		if (r == -ETIMEDOUT) {
			milliseconds = FOREVER;
			r = interrupt(tracee);
			continue;
		}
		if (r < 0 || WSTOPSIG(status) == STOP_AT_CALL)
			return r;
		r = on_stop(tracee, status, PTRACE_SYSCALL);
		/* Another thread stops the group: it may stop when it is released. */
		if (r == 1)
			r = milliseconds == FOREVER ? -EBUSY : go_on(tracee, PTRACE_SYSCALL, 0);
	}
	return r;
}

/* And to its end, which it stands at then: nothing but a SIGKILL keeps it from that. */
static int to_end(struct tracee *tracee)
{
	int status, r = go_on(tracee, PTRACE_SYSCALL, 0);

	return r < 0 ? r : wait_stop(tracee->tid, FOREVER, &status);
}

int tracee_call(struct tracee *tracee, long number, const uint64_t arguments[3], long *ret_result)
{
	struct registers registers = tracee->saved;
	bool meant = false;
	size_t size;
	int r;

	registers_set_call(&registers, tracee->instruction, number, arguments);
	r = write_registers(tracee->tid, &registers);
	if (r == 0)
		r = to_begin(tracee);
	if (r == 0)
		r = read_registers(tracee->tid, &registers, &size);
	if (r < 0)
		return r;
	/* Another thread may have written other code there, to do with our help what a filter forbids. */
	meant = registers_is_call(&registers, tracee->instruction, number, arguments);
	if (!meant) {
		registers_drop_call(&registers);
		r = write_registers(tracee->tid, &registers);
	}
	if (r == 0)
		r = to_end(tracee);
	if (r == 0)
		r = read_registers(tracee->tid, &registers, &size);
	if (r < 0)
		return r;
	if (!meant)
		return -EPROTO;
	*ret_result = registers_result(&registers);
	return 0;
}

/* --- letting it go --- */

/*
 * A call like ppoll(2) is made again with the mask that it puts in place of the thread's; in between a
 * signal that the one blocks and the other does not must not come. So it is held until the call begins.
 */
static int rejoin_call(struct tracee *tracee)
{
	int status, r;

	r = set_mask(tracee->tid, tracee->mask | tracee->blocked);
	if (r == 0)
		r = go_on(tracee, PTRACE_SYSCALL, 0);
	if (r == 0)
		r = wait_stop(tracee->tid, FOREVER, &status);
	if (r == 0)
		r = set_mask(tracee->tid, tracee->mask);
	if (r < 0)
		return r;
	/* Or until a signal comes that neither blocks. */
	return PTRACE_STOPPED(status) || WSTOPSIG(status) == STOP_AT_CALL ? 0 : WSTOPSIG(status);
}

int tracee_release(struct tracee *tracee)
{
	int signal = 0, r = 0;

	if (tracee->changed) {
		/* From the end of a call back into get_signal(), before it is in user code again. */
		r = interrupt(tracee);
		if (r == 0)
			r = go_on(tracee, PTRACE_CONT, 0);
		if (r == 0)
			r = wait_standing(tracee);
		if (r == 1)
			r = write_registers(tracee->tid, &tracee->saved);
		if (r == 0)
			r = set_mask(tracee->tid, tracee->mask);
		if (r == 0 && tracee->blocked != tracee->mask && tracee->blocked != ~UINT64_C(0) &&
		    registers_restarts(&tracee->saved))
			signal = r = rejoin_call(tracee);
	}
	if (request(PTRACE_DETACH, tracee->tid, 0, (void *)(intptr_t)(signal > 0 ? signal : 0)) < 0 && r >= 0)
		r = -errno;
	return r < 0 ? r : 0;
}
