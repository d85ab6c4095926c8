// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the daemon changes, done in the kernel so that each change is whole even
 * if the daemon dies in it, and counts agree with what the programs count.
 *
 *   mseald_commit  gives an address space another seal set (or none), by one
 *                  store in place: an entry is never replaced, so no program
 *                  ever reads one that has become another's
 *   mseald_uncache empties the slot of an address space whose set was changed:
 *                  run again when all programs that knew the old one have ended
 *   mseald_forget  removes an entry: of an address space that is gone, or
 *                  any, once no programs are attached
 */
#include "space.h"
#include "verdict.h"

#define ENOMEM 12
#define ENOENT 2
#define ENOSPC 28

SEC("syscall")
int mseald_commit(struct mseald_commit *commit)
{
	struct mseald_space *space;
	u64 key = commit->key, *count;
	u32 set = commit->set, old;
	int err;

	commit->old_set = 0;
	commit->old_flags = 0;
	if (set) {
		count = bpf_map_lookup_elem(&refs, &set);
		if (!count) {
			commit->old_set = -ENOENT;
			return 0;
		}
		__sync_fetch_and_add(count, 1);
	}
	space = bpf_map_lookup_elem(&spaces, &key);
	if (space) {
		commit->old_flags = space->flags;
		old = __sync_lock_test_and_set(&space->set, set);
		if (commit->flags & MSEALD_SPACE_FORKED)
			__sync_fetch_and_or(&space->flags, MSEALD_SPACE_FORKED);
		else
			__sync_fetch_and_and(&space->flags, ~MSEALD_SPACE_FORKED);
		commit->old_set = old;
		slot_drop(key);
		if (set && !old)
			__sync_fetch_and_add(&state.sealed, 1);
		if (!set && old && __sync_fetch_and_add(&state.sealed, -1) == 1)
			tell_unused();
		if (old)
			set_put(old);
		return 0;
	}
	if (!set)
		return 0;
	err = -ENOSPC;
	if (space_reserve()) {
		err = space_insert(key, set, commit->flags & MSEALD_SPACE_FORKED);
		if (err)
			space_unreserve();
	}
	if (err) {
		set_put(set);
		commit->old_set = err;
	}
	return 0;
}

SEC("syscall")
int mseald_uncache(struct mseald_commit *commit)
{
	u64 key = commit->key;

	slot_drop(key);
	return 0;
}

SEC("syscall")
int mseald_forget(struct mseald_commit *commit)
{
	u64 key = commit->key;

	space_remove(key);
	return 0;
}
