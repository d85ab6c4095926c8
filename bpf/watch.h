/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watched address spaces: entries of the maps `starts` (programs that the kernel seals as they start) and
 * `watched` (what the daemon seals). Made at exec and fork, removed with the address space.
 */
#pragma once

#include "space.h"

/* --- bpf/watch.bpf.c: `starts`. Positions are counted from 1, and 0 is none --- */

/* The element of this address space. */
u32 watch_start_find(u64 key);

/*
 * Reserves an element for an address space without one. No look-up finds it before watch_start_publish().
 * child: of fork.
 */
u32 watch_start_take(u64 key, bool child);

/* The element is filled in: from now on look-ups find it, and the address space counts as watched. */
int watch_start_publish(u64 key, u32 position);

/* Frees the element of an address space; false: it has none. */
bool watch_start_give(u64 key);

/* The same for a chain of calls that has no stack for one more (MAX_BPF_STACK). */
static __always_inline u32 start_find_inline(u64 key)
{
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MSEALD_START_PROBES; i++)
		if (*(volatile u64 *)&state.start_keys[MSEALD_START_AT(key, i)] == key)
			return MSEALD_START_AT(key, i) + 1;
	return 0;
}

static __always_inline struct mseald_start *start_at(u32 position)
{
	u32 at = position - 1;

	return position ? bpf_map_lookup_elem(&starts, &at) : NULL;
}

static __always_inline struct mseald_start *start_of(u64 key)
{
	/* Most often it is the first one. */
	bool first = *(volatile u64 *)&state.start_keys[MSEALD_START_AT(key, 0)] == key;

	return start_at(likely(first) ? MSEALD_START_AT(key, 0) + 1 : watch_start_find(key));
}

/* The objects of a program that the kernel seals; NULL: it does not. */
static __always_inline struct mseald_loading *loading_of(u64 key)
{
	struct mseald_start *start = start_of(key);

	if (!start)
		return NULL;
	/* The verifier refuses an addition before the comparison, which the compiler would make. */
	asm volatile("" : "+r"(start));
	return &start->loading;
}

/* --- `watched` --- */

static const struct mseald_watched nothing_known;

/*
 * Watches an address space, with these facts (NULL: to be filled in). NULL if the map is full, which is
 * counted as a loss, or if the entry exists.
 */
static __always_inline struct mseald_watched *watch(u64 key, const struct mseald_watched *facts)
{
	__sync_fetch_and_add(&space_slot(key)->watched, 1);
	if (bpf_map_update_elem(&watched, &key, facts ? facts : &nothing_known, BPF_NOEXIST)) {
		__sync_fetch_and_add(&space_slot(key)->watched, -1);
		if (!bpf_map_lookup_elem(&watched, &key))
			__sync_fetch_and_add(&state.lost_exec_events, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&watched, &key);
}

static __always_inline void unwatch(u64 key)
{
	if (!watch_start_give(key) && !bpf_map_delete_elem(&watched, &key))
		__sync_fetch_and_add(&space_slot(key)->watched, -1);
}

/* Is it in one of the two maps? */
static __always_inline bool is_watched(u64 key)
{
	return space_watched(key) && (watch_start_find(key) || bpf_map_lookup_elem(&watched, &key));
}

/* Called when a watched process (key of its address space: parent) has a child with its own address space. */
int watch_child(u64 parent, u64 key, u32 pid);

/* Tells the daemon to look at an address space. address: of RELRO; 0: unknown. */
int watch_send_event(u32 type, u64 key, u32 pid, u64 address);

/* The same of a loader's work, if the address space is watched. */
int watch_send_relro(u64 key, u32 tgid, u64 address);
