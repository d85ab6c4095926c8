// SPDX-License-Identifier: GPL-2.0-only
/* See space.h: code that programs need now and then, but not on the fast path past unsealed memory. */
#include "space.h"

/*
 * Empties the slot of a key whose entry has got another set. A slot that another program is filling is marked
 * SPOILED, and that program then empties it. It reads the entry after it has marked the slot BUSY
 * (slot_fill), so it either sees the new set or its BUSY tag is seen here.
 */
__noinline int space_slot_drop(u64 key)
{
	struct mseald_slot *slot = space_slot(key);

	for (int i = 0; i < 8; i++) {
		u64 tag = *(volatile u64 *)&slot->tag;

		if (tag != MSEALD_TAG_BUSY && MSEALD_TAG_KEY(tag) != key)
			return 0;
		if (__sync_val_compare_and_swap(&slot->tag, tag,
						tag == MSEALD_TAG_BUSY ? MSEALD_TAG_SPOILED : 0) == tag)
			return 0;
	}
	return 0;
}

static __always_inline int remove_entry(struct mseald_space *space, const u64 *key, u64 owner)
{
	u32 account;
	u64 word;

	word = space_swap(space, owner, MSEALD_WORD_GONE, MSEALD_ANY_SET);
	if (!word)
		return 0;
	if (unlikely(*(volatile u32 *)&space->flags & MSEALD_SPACE_KILL_PENDING))
		__sync_fetch_and_add(&state.kill_pending, -1);
	account = space->account;
	space_slot_drop(*key);
	(void)bpf_map_delete_elem(&spaces, key);
	__sync_fetch_and_add(&space_slot(*key)->count, -1);
	space_unreserve(account);
	space_release(word);
	return 0;
}

__noinline int space_remove(u64 key, u64 born)
{
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, &key);

	if (!space || !space_is(space, born))
		return 0;
	if (unlikely(*(volatile u32 *)&space->flags & MSEALD_SPACE_KILL_PENDING) &&
	    *(volatile u64 *)&state.pending_forks)
		return 0;
	return remove_entry(space, &key, MSEALD_OWNER(key, born ?: MSEALD_SPACE_BORN(space)));
}

#ifdef MSEALD_KEYS_RETURN
__noinline int space_remove_older(u64 key, u64 time)
{
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, &key);

	u64 born = space ? *(volatile u64 *)&space->born : time;

	return born < time ? remove_entry(space, &key, MSEALD_OWNER(key, born)) : 0;
}
#endif

/* Takes over the reference and charge of a mark. False: another program has done so. */
static __always_inline bool fork_take(struct mseald_pending_fork *mark, u64 number)
{
	return !(number & MSEALD_FORK_TAKEN) &&
	       __sync_val_compare_and_swap(&mark->number, number, number | MSEALD_FORK_TAKEN) == number;
}

static __always_inline void fork_forget(u64 task)
{
	(void)bpf_map_delete_elem(&pending_forks, &task);
	__sync_fetch_and_add(&state.pending_forks, -1);
}

/*
 * Returns the mark of a task, and in *ret its contents; NULL: none. Elements of the map are reused at once,
 * so the contents belong to the task only if a second look-up finds the same fork, by its number.
 */
static __always_inline struct mseald_pending_fork *fork_mark(u64 task, struct mseald_pending_fork *ret)
{
	struct mseald_pending_fork *mark = task ? bpf_map_lookup_elem(&pending_forks, &task) : NULL, *again;

	if (!mark)
		return NULL;
	*ret = *mark;
	task += after(ret->number | ret->parent | ret->set | ret->account);
	again = bpf_map_lookup_elem(&pending_forks, &task);
	return again && (*(volatile u64 *)&again->number | MSEALD_FORK_TAKEN) ==
				       (ret->number | MSEALD_FORK_TAKEN) ?
		       mark :
		       NULL;
}

__noinline bool space_fork_is_pending(const u64 *task)
{
	u64 name = task ? *task : 0;

	return *(volatile u64 *)&state.pending_forks && bpf_map_lookup_elem(&pending_forks, &name);
}

__noinline int space_fork_abandon(const u64 *task)
{
	u64 name = task ? *task : 0;
	struct mseald_pending_fork fork, *mark = fork_mark(name, &fork);

	if (!mark || !fork_take(mark, fork.number))
		return 0;
	fork_forget(name);
	space_unreserve(fork.account);
	set_put(fork.set);
	return 0;
}

/*
 * Flags inherited from the parent: the child also has the changed memory and the huge pages. A parent that is
 * gone had no kill pending (space_remove).
 */
static __always_inline u32 fork_flags(const struct mseald_pending_fork *fork)
{
	return space_flags(fork->parent) & (MSEALD_SPACE_KILL_PENDING | MSEALD_SPACE_HUGETLB);
}

__noinline u32 space_fork_finish(const u64 *task, u64 key)
{
	u64 name = task ? *task : 0;
	struct mseald_pending_fork fork, *mark;
	u64 born;

	/* A task that has ended has no memory: lsm/task_free drops its mark. */
	if (!key)
		return 0;
	mark = fork_mark(name, &fork);
	if (!mark)
		return 0;
	if (!fork_take(mark, fork.number))
		return fork.set;
#ifdef MSEALD_KEYS_RETURN
	space_remove_older(key, BPF_CORE_READ((struct task_struct *)name, start_boottime));
#endif
	born = space_born_now();
	if (space_insert(key, born, fork.set | MSEALD_WORD_FORKED, fork.account, fork_flags(&fork))) {
		/* The map is full: the mark stays, as it was. */
		__sync_val_compare_and_swap(&mark->number, fork.number | MSEALD_FORK_TAKEN, fork.number);
		if (key != task_key(name))
			space_fork_abandon(&name);
		return fork.set;
	}
	/*
	 * When another task finishes the fork, this task may have left its memory before the entry could be
	 * removed. No other task is in that memory: while the mark exists, lsm/task_alloc lets none share it.
	 */
	if (key != task_key(name))
		space_remove(key, born);
	fork_forget(name);
	return fork.set;
}

__noinline bool space_set_get_called(u32 set)
{
	return set_get(set);
}

__noinline int space_set_put_called(u32 set)
{
	set_put(set);
	return 0;
}

/* The set of the entry or the mark, without holding it. */
__noinline u32 space_set_seen(u64 key, u64 task)
{
	/* Read first: space_fork_finish() makes the entry before it removes the mark. */
	u64 pending = *(volatile u64 *)&state.pending_forks;
	struct mseald_pending_fork fork;
	struct mseald_space *space;

	key += after(pending);
	space = bpf_map_lookup_elem(&spaces, &key);
#ifdef MSEALD_KEYS_RETURN
	/* An entry may be of an earlier address space as long as there is a mark. */
	if (unlikely(pending))
		space = NULL;
#endif
	if (!space && unlikely(pending)) {
		if (fork_mark(task, &fork))
			return fork.set;
		space = bpf_map_lookup_elem(&spaces, &key);
	}
	return space ? MSEALD_WORD_SET(*(volatile u64 *)&space->word) : 0;
}

#define HOLD_TRIES 4

/*
 * A set of the pool may be freed and taken for another address space at any moment. If the entry still has
 * the set after taking a reference, it is the right set and stays so. While the sets of an address space keep
 * changing, none can be read. Then MSEALD_MAX_SETS, an id without a set, makes the verdict a denial.
 */
__noinline u32 space_set_of(u64 key, u64 task)
{
	u32 set = space_set_seen(key, task);

#pragma clang loop unroll(disable)
	for (int i = 0; i < HOLD_TRIES; i++) {
		bool held;

		if (likely(!is_pooled(set)))
			return set;
		held = space_set_get_called(set);
		if (held && space_set_seen(key, task) == set)
			return set;
		if (held)
			(void)space_set_put_called(set);
		set = space_set_seen(key, task);
	}
	return MSEALD_MAX_SETS;
}

/* Fills the slot of the current task's address space, if it is free. */
static __always_inline void slot_fill(u64 key, u32 set)
{
	struct mseald_slot *slot = space_slot(key);
	struct mseald_space *space;
	struct mseald_node *root;
	u32 at = 0, huge;
	u64 tag = 0;
	void *seals;

	if (*(volatile u64 *)&slot->tag || !bpf_map_lookup_elem(&spaces, &key))
		return;
	seals = bpf_map_lookup_elem(&sets, &set);
	root = seals ? bpf_map_lookup_elem(seals, &at) : NULL;
	if (!root || __sync_val_compare_and_swap(&slot->tag, 0, MSEALD_TAG_BUSY))
		return;
	/* From here on, a space_slot_drop() after a change of the entry sees this slot. */
	space = bpf_map_lookup_elem(&spaces, &key);
	if (space && MSEALD_WORD_SET(*(volatile u64 *)&space->word) == set) {
		huge = *(volatile u32 *)&space->flags & MSEALD_SPACE_HUGETLB;
		*(volatile u64 *)&slot->gap_start = huge ? MSEALD_NO_START : root->gap_start;
		*(volatile u64 *)&slot->gap_end = huge ? 0 : root->gap_end;
		tag = MSEALD_TAG(key, (u64)set);
	}
	if (__sync_val_compare_and_swap(&slot->tag, MSEALD_TAG_BUSY, tag) != MSEALD_TAG_BUSY)
		__sync_val_compare_and_swap(&slot->tag, MSEALD_TAG_SPOILED, 0);
}

__noinline u32 space_current_set_of(u64 key)
{
	u64 task = bpf_get_current_task();

	/*
	 * The mark belongs to the caller's memory. The key may belong to another process, whose memory it
	 * acts on.
	 */
	if (unlikely(*(volatile u64 *)&state.pending_forks) && key != task_key(task))
		task = 0;
	return space_set_of(key, task);
}

__noinline u32 space_current_set_kept(u64 key)
{
	u32 set = space_current_set_of(key);

	if (set)
		slot_fill(key, set);
	return set;
}
