/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process, resolved to its address space without a race: while /proc/PID/maps is open its mm_struct cannot
 * go, so its key stays valid.
 */
#pragma once

#include "base/error.h"
#include "bpf/programs.h"
#include "lib/proc/maps.h"

struct target {
	pid_t pid;
	pid_t tid; /* a thread with the memory: the first, unless it has ended */
	int proc_fd;
	int maps_fd, pagemap_fd; /* to be read by the reader (process/reader.h) or a tracer only */
	uint64_t key, exec_id, start_time;
	uint32_t account; /* account that its address space would be charged to (bpf/quota.h) */
};

#define TARGET_EMPTY \
	{ \
		.proc_fd = -1, .maps_fd = -1, .pagemap_fd = -1 \
	}

/* -EBADR and the reason: no such process, a thread, a kernel thread, a zombie, or it does not answer. */
int target_open(struct programs *programs, pid_t pid, struct target *ret, struct error *error);
void target_close(struct target *target); /* takes an empty one */

/* Is it still the same program in the same address space? Negative errno. */
int target_unchanged(struct programs *programs, const struct target *target);

/* The state letter of one of its threads, proc_pid_stat(5); '\0': it is gone. */
char target_thread_state(const struct target *target, pid_t tid);

/*
 * Gives every thread with the memory time to leave a system call that has passed a gate already. A thread
 * that sleeps interruptibly, or has ended, is in no such call: between gate and mmap_lock a call only runs,
 * or waits uninterruptibly. A thread that never sleeps is given a moment.
 */
void target_let_calls_end(struct programs *programs, const struct target *target);
