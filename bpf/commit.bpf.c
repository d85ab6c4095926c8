// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon's changes of the maps. They run in the kernel so that each is complete even if the daemon dies
 * meanwhile, and so that the counts agree with those of the programs. No hooks: the daemon runs these
 * programs (BPF_PROG_RUN).
 *
 *   syscall: mseald_commit            gives an address space another seal set, or none, by one store in
 *                                    place. An entry is never replaced, so no program reads an element
 *                                    that has been reused for another address space
 *   syscall: mseald_set_kill_pending  marks an address space that is to be killed: it cannot fork
 *                                    (lifecycle.bpf.c)
 *   syscall: mseald_forget            removes the entry of an address space that is gone; any entry, once
 *                                    no programs are attached
 *   syscall: mseald_forget_account    removes an account without address spaces
 */
#include "space.h"
#include "verdict.h"

/* Stores the new set in an existing entry. */
static __always_inline int replace(struct mseald_commit *commit, struct mseald_space *space)
{
	u64 key = commit->key, owner = MSEALD_OWNER(key, commit->born ?: MSEALD_SPACE_BORN(space)), old, word;

	old = space_swap(space, owner, commit->bits, commit->expected);
	if (!old) {
		word = *(volatile u64 *)&space->word;
		return MSEALD_WORD_OWNER(word) != owner || word & MSEALD_WORD_GONE ? -ESRCH : -EEXIST;
	}
	commit->old_bits = (u32)old & (0xffffu | MSEALD_WORD_FORKED);
	if (commit->flags & MSEALD_SPACE_HUGETLB)
		__sync_fetch_and_or(&space->flags, MSEALD_SPACE_HUGETLB);
	space_replaced(key, old, commit->bits);
	return 0;
}

static __always_inline int enter(const struct mseald_commit *commit)
{
	u32 account = commit->account;
	int err;

	if (!space_reserve(&account, commit->limited))
		return commit->limited && *(volatile u64 *)&state.entries < MSEALD_MAX_SPACES ? -EDQUOT :
												-ENOSPC;
	err = space_insert(commit->key, space_born_now(), commit->bits, account,
			   commit->flags & MSEALD_SPACE_HUGETLB);
	if (err)
		space_unreserve(account);
	return err;
}

SEC("syscall")
int mseald_commit(struct mseald_commit *commit)
{
	u32 set = MSEALD_WORD_SET(commit->bits);
	struct mseald_space *space;
	u64 key = commit->key, *count;

	commit->old_bits = 0;
	commit->error = 0;
	if (set) {
		count = bpf_map_lookup_elem(&refs, &set);
		if (!count) {
			commit->error = -ENOENT;
			return 0;
		}
		__sync_fetch_and_add(count, 1);
	}
	space = bpf_map_lookup_elem(&spaces, &key);
	if (space)
		commit->error = replace(commit, space);
	else if (set)
		commit->error = enter(commit);
	if (commit->error && set)
		set_put(set);
#ifdef MSEALD_KEYS_RETURN
	space = bpf_map_lookup_elem(&spaces, &key);
	commit->born = space ? space->born : 0;
#endif
	return 0;
}

SEC("syscall")
int mseald_set_kill_pending(struct mseald_commit *commit)
{
	u64 key = commit->key;
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, &key);

	if (!space || !space_is(space, commit->born))
		return 0;
	space_set_kill_pending(space);
#ifdef MSEALD_KEYS_RETURN
	/* The element has got another owner in between: it may fork. */
	if (!space_is(space, commit->born) &&
	    __sync_fetch_and_and(&space->flags, ~MSEALD_SPACE_KILL_PENDING) & MSEALD_SPACE_KILL_PENDING)
		__sync_fetch_and_add(&state.kill_pending, -1);
#endif
	return 0;
}

SEC("syscall")
int mseald_forget(struct mseald_commit *commit)
{
	u64 key = commit->key;
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, &key);

	/*
	 * The daemon has seen no task with this memory, but it looked at one after the other. A new task
	 * could get a number that it had passed, and its parent could end before its turn.
	 */
	if (space && commit->expected != MSEALD_ANY_SET &&
	    MSEALD_SPACE_CLONES(*(volatile u32 *)&space->flags) != MSEALD_SPACE_CLONES(commit->flags))
		return 0;
	space_remove(commit->key, commit->born);
	return 0;
}

SEC("syscall")
int mseald_forget_account(struct mseald_commit *commit)
{
	u32 account = commit->account;
	u64 *usage = bpf_map_lookup_elem(&accounts, &account);
	u64 empty = MSEALD_USAGE(account, 0);

	/* A program that is charging this account sees that the account is being removed, and starts over. */
	if (usage && __sync_val_compare_and_swap(usage, empty, 0) == empty)
		(void)bpf_map_delete_elem(&accounts, &account);
	return 0;
}
