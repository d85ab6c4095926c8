/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two files of the lock share: its state and maps, which bpf/lock.bpf.c defines, and who is mseald. */
#ifndef MSEALD_BPF_LOCK_H
#define MSEALD_BPF_LOCK_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "mseald/lock.h"
#include "mseald/shared.h"

#define EPERM 1
#define EAGAIN 11
#define BPF_FS_MAGIC 0xcafe4a11
#define PROC_SUPER_MAGIC 0x9fa0
#define MOUNTS_DEEP 8			/* mounts upon mounts, up to the root */

extern struct mseald_lock lock;

struct lock_tasks_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MSEALD_LOCK_MAX_TASKS);
	__type(key, u64);		/* struct task_struct */
	__type(value, u32);
};
extern struct lock_tasks_map lock_tasks SEC(".maps");

static __always_inline int refuse(enum mseald_lock_door door)
{
	__sync_fetch_and_add(&lock.refused[door], 1);
	return -EPERM;
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

#endif
