/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process, resolved to its address space so that nothing can come between:
 * while /proc/PID/maps is open its mm_struct cannot go, so the key stays its own.
 */
#ifndef MSEALD_PROCESS_TARGET_H
#define MSEALD_PROCESS_TARGET_H

#include "base/error.h"
#include "bpf/programs.h"
#include "lib/proc/maps.h"

struct target {
	pid_t pid;
	pid_t tid; /* a thread of it that has the memory: the first, unless that one has ended */
	int proc_fd, maps_fd, pagemap_fd;
	uint64_t key, exec_id, start_time;
	uint32_t account; /* that its address space would be on (bpf/quota.h) */
};

#define TARGET_EMPTY \
	{ \
		.proc_fd = -1, .maps_fd = -1, .pagemap_fd = -1 \
	}

/* -EBADR and why: no such process, a thread, a kernel thread, a zombie. */
int target_open(struct programs *programs, pid_t pid, struct target *ret, struct error *error);
void target_close(struct target *target); /* takes an empty one */

/* Is it still the same program in the same address space? Negative errno. */
int target_unchanged(struct programs *programs, const struct target *target);

/*
 * Gives every thread the time to leave a system call that had passed a gate
 * before. One that sleeps interruptibly, or has ended, is in none: between gate
 * and mmap_lock a call only runs, or waits uninterruptibly. One that never
 * sleeps is given a moment.
 */
void target_let_calls_end(struct programs *programs, const struct target *target);

/*
 * Returns when every system call that was changing the address space before
 * has done so: reading the pagemap takes mmap_lock (fs/proc/task_mmu.c).
 */
void target_wait_for_changes(const struct target *target, uint64_t address);

#endif
