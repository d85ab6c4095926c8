/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries of the map `watched`: made at exec and fork, gone with the address space. */
#ifndef MSEALD_BPF_EXEC_MATCH_H
#define MSEALD_BPF_EXEC_MATCH_H

#include "space.h"

static const struct mseald_watched nothing_known;

/* Watches it, with these facts (NULL: to be filled in). NULL when there is no room, which is counted. */
static __always_inline struct mseald_watched *watch(u64 key, const struct mseald_watched *facts)
{
	__sync_fetch_and_add(&space_slot(key)->watched, 1);
	if (bpf_map_update_elem(&watched, &key, facts ? facts : &nothing_known, BPF_NOEXIST)) {
		__sync_fetch_and_add(&space_slot(key)->watched, -1);
		/* Once more, while one daemon hands over to the next; else there is no room. */
		if (!bpf_map_lookup_elem(&watched, &key))
			__sync_fetch_and_add(&state.lost_exec_events, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&watched, &key);
}

static __always_inline void unwatch(u64 key)
{
	if (!bpf_map_delete_elem(&watched, &key))
		__sync_fetch_and_add(&space_slot(key)->watched, -1);
}

int send_relro_event(u64 key, u32 tgid, u64 start);

/* A mapped file is made read-only; nearly all of what this costs is the look at the slot. */
static __always_inline void watch_relro(const struct task_struct *task, u64 key,
					const struct vm_area_struct *vma, u64 prot)
{
	if (unlikely(*(volatile u32 *)&space_slot(key)->watched) && !(prot & PROT_WRITE) &&
	    vma->vm_flags & VM_WRITE && BPF_CORE_READ(vma, vm_file))
		send_relro_event(key, task->tgid, vma->vm_start);
}

#endif
