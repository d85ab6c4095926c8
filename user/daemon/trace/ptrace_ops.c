// SPDX-License-Identifier: LGPL-2.1-or-later
/* See ptrace_ops.h. */
#include "trace/ptrace_ops.h"

#include <signal.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "trace/perf_trap.h"

#define POLL_NS 20000

#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif

int ptrace_request(int what, pid_t tid, uint64_t address, void *data)
{
	return ptrace((enum __ptrace_request)what, tid, (void *)(uintptr_t)address, data) < 0 ? -errno : 0;
}

int ptrace_wait(pid_t tid, int milliseconds, int *ret_status)
{
	uint64_t deadline = clock_ns(CLOCK_MONOTONIC) +
			    (uint64_t)(milliseconds < 0 ? 0 : milliseconds) * 1000000;

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
		if (clock_ns(CLOCK_MONOTONIC) > deadline)
			return -ETIMEDOUT;
		(void)nanosleep(&pause, NULL);
	}
}

int ptrace_get_mask(pid_t tid, uint64_t *mask)
{
	return ptrace_request(PTRACE_GETSIGMASK, tid, sizeof(*mask), mask);
}

int ptrace_set_mask(pid_t tid, uint64_t mask)
{
	return ptrace_request(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
}

/* Is it the signal of mseald's trap? A foreign SIGTRAP is passed on. */
bool ptrace_is_trap(pid_t tid, int status)
{
	siginfo_t info;
	uint64_t data;

	if (status >> 16 || WSTOPSIG(status) != SIGTRAP ||
	    ptrace_request(PTRACE_GETSIGINFO, tid, 0, &info) < 0)
		return false;
	memcpy(&data, (char *)&info.si_addr + sizeof(info.si_addr), sizeof(data)); /* si_perf_data */
	return info.si_code == TRAP_PERF && data == PERF_TRAP_DATA;
}
