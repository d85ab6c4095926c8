/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries of the map `watched`: made at exec and fork, removed with the address space. */
#ifndef MSEALD_BPF_EXEC_MATCH_H
#define MSEALD_BPF_EXEC_MATCH_H

#include "space.h"

static const struct mseald_watched nothing_known;

/*
 * Watches an address space, with these facts (NULL: to be filled in). NULL if the map is full, which is
 * counted as a loss.
 */
static __always_inline struct mseald_watched *watch(u64 key, const struct mseald_watched *facts)
{
	__sync_fetch_and_add(&space_slot(key)->watched, 1);
	if (bpf_map_update_elem(&watched, &key, facts ? facts : &nothing_known, BPF_NOEXIST)) {
		__sync_fetch_and_add(&space_slot(key)->watched, -1);
		/*
		 * The entry exists already when one daemon hands over to the next and hooks run twice.
		 * Otherwise no room.
		 */
		if (!bpf_map_lookup_elem(&watched, &key))
			__sync_fetch_and_add(&state.lost_exec_events, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&watched, &key);
}

static __always_inline void unwatch(u64 key)
{
	(void)bpf_map_delete_elem(&loading, &key);
	if (!bpf_map_delete_elem(&watched, &key))
		__sync_fetch_and_add(&space_slot(key)->watched, -1);
}

/* Called when a watched process (key of its address space: parent) has a child with its own address space. */
int exec_watch_child(u64 parent, u64 key, u32 pid);

/* Tells the daemon to look at a watched address space. start: of RELRO; 0: unknown. */
int exec_send_relro_event(u64 key, u32 tgid, u64 start);

#endif
