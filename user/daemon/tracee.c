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
#include <limits.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "util.h"

#define STOP_AT_CALL (SIGTRAP | 0x80)		/* PTRACE_O_TRACESYSGOOD */
#define PTRACE_STOPPED(status) ((status) >> 16 == PTRACE_EVENT_STOP)
#define TICK_NS 50000
#define POLL_NS 20000
#define AT_ONCE 0u
#define UNTIL_IT_STOPS UINT_MAX			/* it is on its way: only mmap_lock can keep it, and there is no way back */

#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif
#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
#define PTRACE_GET_USER_DISPATCH 0x4211		/* PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, include/uapi/linux/ptrace.h, 6.4 */

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

/* Its next stop. -ETIMEDOUT, or -ESRCH: it has ended. */
static int wait_stop(pid_t tid, unsigned milliseconds, int *ret_status)
{
	uint64_t deadline = now_ns() + milliseconds * UINT64_C(1000000);

	for (;;) {
		const struct timespec pause = { .tv_nsec = POLL_NS };
		int status;
		pid_t got = waitpid(tid, &status, milliseconds == UNTIL_IT_STOPS ? __WALL : __WALL | WNOHANG);

		if (got < 0)
			return -errno;
		if (got == tid) {
			if (!WIFSTOPPED(status))
				return -ESRCH;
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

/*
 * A signal on its way to it, seen only because it is traced: it is let have it
 * before anything is changed; while its registers are not its own, only a
 * SIGSTOP can come (all others are blocked), and that is put off.
 */
static int pass_signal(struct tracee *tracee, int how, int status, bool changed)
{
	int signal = WSTOPSIG(status);

	if (changed) {
		tracee->stop_signal |= signal == SIGSTOP;
		signal = 0;
	}
	return go_on(tracee, how, signal);
}

/* Waits until it is held in get_signal(), as PTRACE_INTERRUPT asked for. */
static int wait_interrupted(struct tracee *tracee, unsigned milliseconds, bool changed)
{
	int status, r;

	while ((r = wait_stop(tracee->tid, milliseconds, &status)) == 0) {
		if (PTRACE_STOPPED(status))
			return 0;
		if (WSTOPSIG(status) == STOP_AT_CALL || status >> 16)
			r = go_on(tracee, PTRACE_CONT, 0);
		else
			r = pass_signal(tracee, PTRACE_CONT, status, changed);
		if (r < 0)
			return r;
	}
	return r;
}

int tracee_seize(struct tracee *tracee, pid_t tid, bool seccomp)
{
	uintptr_t options = PTRACE_O_TRACESYSGOOD | (seccomp ? PTRACE_O_SUSPEND_SECCOMP : 0);

	*tracee = (struct tracee){ .tid = tid };
	return request(PTRACE_SEIZE, tid, 0, (void *)options) < 0 ? -errno : 0;
}

int tracee_stop_sleeping(struct tracee *tracee, unsigned milliseconds)
{
	int r;

	if (request(PTRACE_INTERRUPT, tracee->tid, 0, NULL) < 0)
		return -errno;
	r = wait_interrupted(tracee, milliseconds, false);
	return r == 0 ? 1 : r == -ETIMEDOUT ? 0 : r;
}

int tracee_pass_on(struct tracee *tracee)
{
	int status, r = wait_stop(tracee->tid, AT_ONCE, &status);

	if (r < 0)
		return r == -ETIMEDOUT ? 0 : r;
	return PTRACE_STOPPED(status) || status >> 16 ? go_on(tracee, PTRACE_CONT, 0) :
							pass_signal(tracee, PTRACE_CONT, status, false);
}

/* The signal of our own event? Another's SIGTRAP is its own affair. */
static bool is_tick(pid_t tid, int status)
{
	siginfo_t info;

	return !(status >> 16) && WSTOPSIG(status) == SIGTRAP &&
	       request(PTRACE_GETSIGINFO, tid, 0, &info) == 0 && info.si_code == TRAP_PERF;
}

/* Signals pending for a thread, from /proc; all when that cannot be told. */
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

static int open_tick(pid_t tid)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attributes),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = TICK_NS,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.remove_on_exec = 1,
		.sigtrap = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* 1: our tick stopped it, 0: nothing did, or something else, and it goes on. */
static int take_tick(struct tracee *tracee, unsigned milliseconds)
{
	int status, r = wait_stop(tracee->tid, milliseconds, &status);

	if (r < 0)
		return r == -ETIMEDOUT ? 0 : r;
	if (is_tick(tracee->tid, status))
		return 1;
	if (PTRACE_STOPPED(status) || status >> 16)
		return go_on(tracee, PTRACE_CONT, 0);
	return pass_signal(tracee, PTRACE_CONT, status, false);
}

int tracee_stop_running(struct tracee *tracee, unsigned milliseconds)
{
	const uint64_t sigtrap = UINT64_C(1) << (SIGTRAP - 1);
	uint64_t deadline = now_ns() + milliseconds * UINT64_C(1000000);
	_cleanup_close_ int tick = -1;
	int r = 0;

	/* Blocked, it would stay pending and come when nobody holds it any more. */
	if ((signals_in(tracee->tid, "SigBlk") | signals_in(tracee->tid, "SigPnd")) & sigtrap)
		return -EBUSY;
	tick = open_tick(tracee->tid);
	if (tick < 0)
		return tick;
	if (ioctl(tick, PERF_EVENT_IOC_REFRESH, 1) < 0)
		return -errno;
	while (r == 0 && now_ns() < deadline)
		r = take_tick(tracee, milliseconds);
	if (r == 0) {
		/* No tick comes once it is closed; one that came in this moment must not be left behind. */
		(void)close(TAKE_FD(tick));
		do
			r = take_tick(tracee, AT_ONCE);
		while (r == 0 && signals_in(tracee->tid, "SigPnd") & sigtrap);
	}
	if (r <= 0)
		return r;
	/* Nothing of the signal remains; from here on as with a sleeper. */
	if (request(PTRACE_INTERRUPT, tracee->tid, 0, NULL) < 0)
		return -errno;
	r = go_on(tracee, PTRACE_CONT, 0);
	if (r == 0)
		r = wait_interrupted(tracee, UNTIL_IT_STOPS, false);
	return r < 0 ? r : 1;
}

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

int tracee_prepare(struct tracee *tracee, const struct blocked_call *call, uint64_t instruction)
{
	const uint64_t all = ~UINT64_C(0);
	unsigned char code[sizeof(registers_instruction)];
	size_t size = 0;
	int r;

	r = read_registers(tracee->tid, &tracee->saved, &size);
	if (r < 0)
		return r;
	if (!registers_64bit(&tracee->saved, size) || dispatches_calls(tracee->tid))
		return -EOPNOTSUPP;
	if (!read_memory(tracee->tid, instruction, code, sizeof(code)) ||
	    memcmp(code, registers_instruction, sizeof(code)) != 0)
		return -EAGAIN;
	tracee->instruction = instruction;
	if (call->number < 0)
		abort_sequence(tracee);
	else
		registers_restart(&tracee->saved, call);
	/* GETSIGMASK knows the mask that ppoll and the like replaced for their sleep (kernel/ptrace.c). */
	if (request(PTRACE_GETSIGMASK, tracee->tid, sizeof(tracee->mask), &tracee->mask) < 0 ||
	    request(PTRACE_SETSIGMASK, tracee->tid, sizeof(all), (void *)(uintptr_t)&all) < 0)
		return -errno;
	return 0;
}

/* Lets it run to where a system call begins or ends. */
static int to_call(struct tracee *tracee)
{
	int status, r = go_on(tracee, PTRACE_SYSCALL, 0);

	while (r == 0 && (r = wait_stop(tracee->tid, UNTIL_IT_STOPS, &status)) == 0) {
		if (WSTOPSIG(status) == STOP_AT_CALL && !(status >> 16))
			return 0;
		/* Another thread stops the group: it may stop when it is released. */
		r = PTRACE_STOPPED(status) || status >> 16 ? go_on(tracee, PTRACE_SYSCALL, 0) :
							     pass_signal(tracee, PTRACE_SYSCALL, status, true);
	}
	return r;
}

int tracee_call(struct tracee *tracee, long number, const uint64_t arguments[3], long *ret_result)
{
	struct registers registers = tracee->saved;
	size_t size;
	int r;

	registers_set_call(&registers, tracee->instruction, number, arguments);
	r = write_registers(tracee->tid, &registers);
	if (r == 0)
		r = to_call(tracee);
	if (r == 0)
		r = to_call(tracee);
	if (r == 0)
		r = read_registers(tracee->tid, &registers, &size);
	if (r < 0)
		return r;
	*ret_result = registers_result(&registers);
	return 0;
}

int tracee_release(struct tracee *tracee)
{
	int r = 0;

	/* From the end of a call back into get_signal(), before it is in user code again. */
	if (request(PTRACE_INTERRUPT, tracee->tid, 0, NULL) < 0)
		return -errno;
	r = go_on(tracee, PTRACE_CONT, 0);
	if (r == 0)
		r = wait_interrupted(tracee, UNTIL_IT_STOPS, true);
	if (r == 0)
		r = write_registers(tracee->tid, &tracee->saved);
	if (r == 0 && request(PTRACE_SETSIGMASK, tracee->tid, sizeof(tracee->mask), &tracee->mask) < 0)
		r = -errno;
	if (r == 0 && tracee->stop_signal)
		(void)syscall(SYS_tkill, tracee->tid, SIGSTOP);
	return request(PTRACE_DETACH, tracee->tid, 0, NULL) < 0 && r == 0 ? -errno : r;
}
