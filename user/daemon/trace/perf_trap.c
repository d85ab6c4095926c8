// SPDX-License-Identifier: LGPL-2.1-or-later
/* See perf_trap.h. */
#include "trace/perf_trap.h"

#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define TICK_NS 50000

static int perf_trap_open(pid_t tid, struct perf_event_attr *attributes, struct perf_trap *ret)
{
	struct perf_trap trap = { .size = 2 * page_size() };

	attributes->size = sizeof(*attributes);
	attributes->disabled = 1;
	attributes->exclude_kernel = 1;
	attributes->exclude_hv = 1;
	attributes->remove_on_exec = 1;
	attributes->sigtrap = 1;
	attributes->sig_data = PERF_TRAP_DATA;
	trap.fd = syscall(SYS_perf_event_open, attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (trap.fd < 0)
		return -errno;
	trap.page = mmap(NULL, trap.size, PROT_READ | PROT_WRITE, MAP_SHARED, trap.fd, 0);
	if (trap.page == MAP_FAILED || ioctl(trap.fd, PERF_EVENT_IOC_REFRESH, 1) < 0) {
		int r = -errno;

		if (trap.page != MAP_FAILED)
			(void)munmap(trap.page, trap.size);
		(void)close(trap.fd);
		return r;
	}
	*ret = trap;
	return 0;
}

int perf_trap_at_tick(pid_t tid, struct perf_trap *ret)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = TICK_NS,
	};

	return perf_trap_open(tid, &attributes, ret);
}

int perf_trap_at(pid_t tid, uint64_t instruction, struct perf_trap *ret)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_BREAKPOINT,
		.bp_type = HW_BREAKPOINT_X,
		.bp_addr = instruction,
		.bp_len = sizeof(long),
		.sample_period = 1,
	};

	return perf_trap_open(tid, &attributes, ret);
}

bool perf_trap_disarm(struct perf_trap *trap)
{
	const struct perf_event_mmap_page *page = trap->page;
	bool fired;

	if (trap->fd < 0)
		return false;
	/* Waits for its processor, which writes sample and signal together (__perf_event_overflow). */
	(void)ioctl(trap->fd, PERF_EVENT_IOC_DISABLE, 0);
	fired = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE) != 0;
	(void)munmap(trap->page, trap->size);
	(void)close(trap->fd);
	*trap = (struct perf_trap)PERF_TRAP_NONE;
	return fired;
}
