// SPDX-License-Identifier: LGPL-2.1-or-later
/* See ptracing.h. */
#include "ptracing.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/util.h"

#define POLL_NS 20000

#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif

long request(int what, pid_t tid, uint64_t address, void *data)
{
	return ptrace((enum __ptrace_request)what, tid, (void *)(uintptr_t)address, data);
}

uint64_t now_ns(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

int wait_stop(pid_t tid, int milliseconds, int *ret_status)
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

int go_on(struct tracee *tracee, int how, int signal)
{
	return request(how, tracee->tid, 0, (void *)(intptr_t)signal) < 0 ? -errno : 0;
}

int interrupt(struct tracee *tracee)
{
	return request(PTRACE_INTERRUPT, tracee->tid, 0, NULL) < 0 ? -errno : 0;
}

int get_mask(pid_t tid, uint64_t *mask)
{
	return request(PTRACE_GETSIGMASK, tid, sizeof(*mask), mask) < 0 ? -errno : 0;
}

int set_mask(pid_t tid, uint64_t mask)
{
	return request(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask) < 0 ? -errno : 0;
}

uint64_t status_bits(pid_t tid, const char *which)
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

/* The signal of our own trap? Another's SIGTRAP is its own affair. */
bool is_trap(pid_t tid, int status)
{
	siginfo_t info;
	uint64_t data;

	if (status >> 16 || WSTOPSIG(status) != SIGTRAP || request(PTRACE_GETSIGINFO, tid, 0, &info) < 0)
		return false;
	memcpy(&data, (char *)&info.si_addr + sizeof(info.si_addr), sizeof(data));	/* si_perf_data */
	return info.si_code == TRAP_PERF && data == TRAP_DATA;
}

int on_stop(struct tracee *tracee, int status, int how)
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

int wait_standing(struct tracee *tracee)
{
	int status, r;

	do {
		r = wait_stop(tracee->tid, FOREVER, &status);
		if (r == 0)
			r = on_stop(tracee, status, PTRACE_CONT);
	} while (r == 0);
	return r;
}
