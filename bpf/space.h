/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From an address space to its seal set. The key is a number that the kernel
 * never uses again (MM_KEY of arch.h), so an entry that outlives its address space can hit nobody.
 *
 * A child of a sealed process is marked in `pending_forks` by lsm/task_alloc, which
 * cannot be raced; tp_btf/task_newtask, which can, gives it its own entry and
 * removes the mark. Until then the fork is pending: every look-up that finds no
 * entry reads the mark, and does the same.
 */
#ifndef MSEALD_BPF_SPACE_H
#define MSEALD_BPF_SPACE_H

#include "maps.h"
#include "quota.h"

static __always_inline u64 space_key(const struct mm_struct *mm)
{
	return mm->MM_KEY;
}

static __always_inline struct mseald_slot *space_slot(u64 key)
{
	return &state.slots[key % MSEALD_SLOTS];
}

/* Surely not sealed: nearly all of what an unsealed process pays. */
static __always_inline bool space_unsealed(u64 key)
{
	return !*(volatile u32 *)&space_slot(key)->count && !*(volatile u64 *)&state.pending_forks;
}

/*
 * Empties the slot of a key whose set is no longer what it says. Another program
 * may be filling it just now from the old set: it looks again when it has, and the
 * daemon empties the slot once more when all programs of that time have ended.
 */
static __always_inline void slot_drop(u64 key)
{
	struct mseald_slot *slot = space_slot(key);
	u64 tag = *(volatile u64 *)&slot->tag;

	if (MSEALD_TAG_KEY(tag) == key)
		__sync_val_compare_and_swap(&slot->tag, tag, 0);
}

/*
 * MSEALD_SPACE_* of an address space that has an entry. If it has none by mistake: what is judged most
 * strictly.
 */
static __always_inline u32 space_flags(u64 key)
{
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, &key);

	return space ? *(volatile u32 *)&space->flags : MSEALD_SPACE_HUGETLB;
}

static __always_inline void space_set_kill_pending(struct mseald_space *space)
{
	if (!(__sync_fetch_and_or(&space->flags, MSEALD_SPACE_KILL_PENDING) & MSEALD_SPACE_KILL_PENDING))
		__sync_fetch_and_add(&state.kill_pending, 1);
}

/*
 * It is about to have its first mapping of huge pages. What lies in its gap is then judged as well: a slot
 * knows no flags, and lengths there may be rounded up. False: it has no entry to say so in.
 */
static __always_inline bool space_mark_hugetlb(u64 key)
{
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, &key);

	if (!space)
		return false;
	if (*(volatile u32 *)&space->flags & MSEALD_SPACE_HUGETLB)
		return true;
	__sync_fetch_and_or(&space->flags, MSEALD_SPACE_HUGETLB);
	slot_drop(key);
	return true;
}

/* Fills the slot of the current task's address space, if it is free. */
static __noinline __attribute__((unused)) int slot_fill(u64 key, u32 set)
{
	struct mseald_slot *slot = space_slot(key);
	struct mseald_space *space;
	struct mseald_node *root;
	u32 at = 0, huge;
	void *seals;

	if (*(volatile u64 *)&slot->tag)
		return 0;
	seals = bpf_map_lookup_elem(&sets, &set);
	root = seals ? bpf_map_lookup_elem(seals, &at) : NULL;
	if (!root || __sync_val_compare_and_swap(&slot->tag, 0, MSEALD_TAG_BUSY))
		return 0;
	huge = space_flags(key) & MSEALD_SPACE_HUGETLB;
	*(volatile u64 *)&slot->gap_start = huge ? MSEALD_NO_START : root->gap_start;
	*(volatile u64 *)&slot->gap_end = huge ? 0 : root->gap_end;
	*(volatile u64 *)&slot->tag = MSEALD_TAG(key, (u64)set);
	space = bpf_map_lookup_elem(&spaces, &key);
	if (!space || MSEALD_WORD_SET(*(volatile u64 *)&space->word) != set ||
	    huge != (*(volatile u32 *)&space->flags & MSEALD_SPACE_HUGETLB))
		slot_drop(key);
	return 0;
}

/* Something the daemon should tidy up; it looks at the maps anyway when this is lost. */
static __always_inline void send_unused_event(void)
{
	struct mseald_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&state.lost_unused, 1);
		return;
	}
	event->type = MSEALD_EVENT_UNUSED;
	bpf_ringbuf_submit(event, 0);
}

/* Takes a reference on a set that may be on its way out; false when it is gone. */
static __always_inline bool set_get(u32 set)
{
	u64 *count = bpf_map_lookup_elem(&refs, &set);

	if (!count)
		return false;
	for (int i = 0; i < 16; i++) {
		u64 seen = *(volatile u64 *)count;

		if (!seen)
			return false;
		if (__sync_val_compare_and_swap(count, seen, seen + 1) == seen)
			return true;
	}
	return false;
}

static __always_inline void set_put(u32 set)
{
	u64 *count = bpf_map_lookup_elem(&refs, &set);

	if (count && __sync_fetch_and_add(count, -1) == 1)
		send_unused_event();
}

/* Room for one more entry in `spaces`, on that account (quota.h); false when there is none. */
static __always_inline bool space_reserve(u32 *account, bool limited)
{
	if (__sync_fetch_and_add(&state.entries, 1) < MSEALD_MAX_SPACES && quota_take(account, limited))
		return true;
	__sync_fetch_and_add(&state.entries, -1);
	return false;
}

static __always_inline void space_unreserve(u32 account)
{
	quota_give(account);
	__sync_fetch_and_add(&state.entries, -1);
}

/* Enters an address space; the caller holds a reservation and a reference, which the entry takes over. */
static __always_inline int space_insert(u64 key, u32 bits, u32 account, u32 flags)
{
	struct mseald_space space = { .word = MSEALD_WORD(key, bits), .account = account, .flags = flags };
	int err;

	__sync_fetch_and_add(&space_slot(key)->count, 1);
	err = bpf_map_update_elem(&spaces, &key, &space, BPF_NOEXIST);
	if (err) {
		__sync_fetch_and_add(&space_slot(key)->count, -1);
		return err;
	}
	__sync_fetch_and_add(&state.sealed, 1);
	if (unlikely(flags & MSEALD_SPACE_KILL_PENDING))
		__sync_fetch_and_add(&state.kill_pending, 1);
	return 0;
}

/*
 * Swaps in what an entry says; what it said before, or 0 when the entry is
 * another's or GONE by now. The caller then owns the reference to the set
 * before. Bounded: only the daemon and the end of the address space change it.
 */
static __always_inline u64 space_swap(struct mseald_space *space, u64 key, u32 bits)
{
	for (int i = 0; i < 16; i++) {
		u64 seen = *(volatile u64 *)&space->word;

		if (MSEALD_WORD_KEY(seen) != key || seen & MSEALD_WORD_GONE)
			return 0;
		if (__sync_val_compare_and_swap(&space->word, seen, MSEALD_WORD(key, bits)) == seen)
			return seen;
	}
	return 0;
}

/* Gives back what an entry held that said this. */
static __always_inline void space_release(u64 word)
{
	u32 set = MSEALD_WORD_SET(word);

	if (!set)
		return;
	set_put(set);
	if (__sync_fetch_and_add(&state.sealed, -1) == 1)
		send_unused_event();
}

/*
 * Removes an entry with all that it holds. Safe to be called twice, from anywhere, at the same time. An
 * entry with a kill pending stays while a fork is pending, for its child; then the daemon removes it.
 */
static __always_inline void space_remove(u64 key)
{
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, &key);
	u32 account;
	u64 word;

	if (!space)
		return;
	if (unlikely(*(volatile u32 *)&space->flags & MSEALD_SPACE_KILL_PENDING) &&
	    *(volatile u64 *)&state.pending_forks)
		return;
	word = space_swap(space, key, MSEALD_WORD_GONE);
	if (!word)
		return;
	if (unlikely(*(volatile u32 *)&space->flags & MSEALD_SPACE_KILL_PENDING))
		__sync_fetch_and_add(&state.kill_pending, -1);
	account = space->account;
	slot_drop(key);
	(void)bpf_map_delete_elem(&spaces, &key);
	__sync_fetch_and_add(&space_slot(key)->count, -1);
	space_unreserve(account);
	space_release(word);
}

static __always_inline u64 task_key(u64 task)
{
	return BPF_CORE_READ((struct task_struct *)task, mm, MM_KEY);
}

/* Takes what a mark holds; false: another program has done so, in its stead. */
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

/* Drops the mark of a child that will never run sealed: failed fork, exec. */
static __always_inline void fork_abandon(u64 task)
{
	struct mseald_pending_fork *mark = bpf_map_lookup_elem(&pending_forks, &task), fork;

	if (!mark)
		return;
	fork = *mark;
	if (!fork_take(mark, fork.number))
		return;
	fork_forget(task);
	space_unreserve(fork.account);
	set_put(fork.set);
}

/*
 * Of the parent: memory that is changed, and huge pages, the child has as well. A parent that is gone had
 * no kill pending (space_remove).
 */
static __always_inline u32 fork_flags(const struct mseald_pending_fork *fork)
{
	return space_flags(fork->parent) & (MSEALD_SPACE_KILL_PENDING | MSEALD_SPACE_HUGETLB);
}

/*
 * The seal set of a marked child, 0 when it has no mark. Gives it its entry
 * if there is none yet. While another program does so the mark goes on serving.
 */
static __noinline u32 fork_finish(u64 task, u64 key)
{
	struct mseald_pending_fork *mark = bpf_map_lookup_elem(&pending_forks, &task), fork;

	if (!mark)
		return 0;
	fork = *mark;
	if (!fork_take(mark, fork.number))
		return fork.set;
	if (space_insert(key, fork.set | MSEALD_WORD_FORKED, fork.account, fork_flags(&fork))) {
		/* The daemon has entered it, or there is no memory: the mark stays, whole. */
		__sync_val_compare_and_swap(&mark->number, fork.number | MSEALD_FORK_TAKEN, fork.number);
		if (key != task_key(task))
			fork_abandon(task);
		return fork.set;
	}
	fork_forget(task);
	/* A task that another looks at may have left its memory before there was an entry to be removed. */
	if (key != task_key(task))
		space_remove(key);
	return fork.set;
}

/* The seal set of the current task's address space; 0: it has none. */
static __always_inline u32 current_set(u64 key)
{
	struct mseald_space *space;

	if (likely(space_unsealed(key)))
		return 0;
	space = bpf_map_lookup_elem(&spaces, &key);
	if (space)
		return MSEALD_WORD_SET(*(volatile u64 *)&space->word);
	/* The mark is about the caller's own memory; the key may be another's, whose memory it acts on. */
	if (unlikely(*(volatile u64 *)&state.pending_forks) &&
	    key == BPF_CORE_READ(bpf_get_current_task_btf(), mm, MM_KEY))
		return fork_finish(bpf_get_current_task(), key);
	return 0;
}

/* The same, remembered in its slot for the next time. */
static __noinline __attribute__((unused)) u32 current_set_kept(u64 key)
{
	u32 set = current_set(key);

	if (set)
		slot_fill(key, set);
	return set;
}

#endif
