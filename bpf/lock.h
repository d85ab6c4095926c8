/* SPDX-License-Identifier: GPL-2.0-only */
/* State and maps that the two files of the lock share (lock.bpf.c defines them), and the tasks of mseald. */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "mseald/lock.h"
#include "mseald/shared.h"
#include "uapi.h"

#define MOUNTS_DEEP 8 /* mounts from bpffs up to the root */

extern struct mseald_lock lock;

struct lock_tasks_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MSEALD_LOCK_MAX_TASKS);
	__type(key, u64); /* struct task_struct */
	__type(value, u32);
};
extern struct lock_tasks_map lock_tasks SEC(".maps");

/* Separate from the buffer of attempts on seals: repeated denials by the lock would evict those events. */
struct lock_denials_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
};
extern struct lock_denials_map lock_denials SEC(".maps");

static __always_inline void fill_caller(struct mseald_lock_denial *denial)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 id = bpf_get_current_pid_tgid();

	denial->pid = (u32)id;
	denial->tgid = id >> 32;
	id = bpf_get_current_uid_gid();
	denial->uid = (u32)id;
	denial->gid = id >> 32;
	denial->cgroup = bpf_get_current_cgroup_id();
	denial->start_time = BPF_CORE_READ(task, group_leader, start_boottime);
	bpf_get_current_comm(denial->comm, sizeof(denial->comm));
}

/* Always counted; reported if the buffer has room. caller: report the current task. */
static __always_inline int deny_caller(enum mseald_lock_op op, bool caller)
{
	struct mseald_lock_denial *denial = bpf_ringbuf_reserve(&lock_denials, sizeof(*denial), 0);

	__sync_fetch_and_add(&lock.denied[op], 1);
	if (!denial) {
		__sync_fetch_and_add(&lock.lost, 1);
		return -EPERM;
	}
	*denial = (struct mseald_lock_denial){ .op = op, .time = bpf_ktime_get_boot_ns() };
	if (caller)
		fill_caller(denial);
	bpf_ringbuf_submit(denial, 0);
	return -EPERM;
}

/* Denies an operation of the current task. */
static __noinline int deny(enum mseald_lock_op op)
{
	return deny_caller(op, true);
}

static __always_inline bool is_ours(u64 task)
{
	return bpf_map_lookup_elem(&lock_tasks, &task) != NULL;
}

static __always_inline bool by_us(void)
{
	return is_ours(bpf_get_current_task());
}

static __always_inline struct mount *mount_of(const struct vfsmount *mnt)
{
	return container_of((struct vfsmount *)mnt, struct mount, mnt);
}
