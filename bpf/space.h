/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From an address space to its seal set. The key is a number that the kernel
 * never uses again (MM_KEY of arch.h), so an entry that outlives its address space can hit nobody.
 *
 * A child of a sealed process is marked in `pending_forks` by lsm/task_alloc, which
 * cannot be raced; tp_btf/task_newtask, which can, gives it its own entry and
 * removes the mark. Until then the fork is pending, and a look-up that finds no
 * entry reads the mark.
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

/*
 * Surely not sealed: nearly all of what an unsealed process pays. In this order: space_fork_finish()
 * counts the entry before the fork is no longer pending.
 */
static __always_inline bool space_unsealed(u64 key)
{
	return !*(volatile u64 *)&state.pending_forks && !*(volatile u32 *)&space_slot(key)->count;
}

/* May it be watched (exec_match.h)? */
static __always_inline bool space_watched(u64 key)
{
	return *(volatile u32 *)&space_slot(key)->watched;
}

/* Empties the slot of a key whose set is no longer what it says (bpf/space.bpf.c). */
int space_slot_drop(u64 key);

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
	space_slot_drop(key);
	return true;
}

/* Something is unused and the daemon should remove it; it looks at the maps anyway when this is lost. */
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

static __always_inline bool is_pooled(u32 set)
{
	return set >= MSEALD_POOL_FIRST;
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

/* Nobody refers to it, and nobody can come to refer to it. */
static __always_inline void pool_give(u32 set)
{
	u32 at = set - MSEALD_POOL_FIRST;

	__sync_fetch_and_or(&state.pool_free[at / 64 & (MSEALD_POOL_SETS / 64 - 1)], 1ULL << (at & 63));
}

static __always_inline void set_put(u32 set)
{
	u64 *count = bpf_map_lookup_elem(&refs, &set);

	if (!count || __sync_fetch_and_add(count, -1) != 1)
		return;
	if (is_pooled(set))
		pool_give(set);
	else
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
 * another's or GONE by now, or has another set than expected (MSEALD_ANY_SET: any will do). The caller then
 * owns the reference to the set before. Bounded: only the daemon, the loader of the address space and its
 * end change it.
 */
static __always_inline u64 space_swap(struct mseald_space *space, u64 key, u32 bits, u32 expected)
{
	for (int i = 0; i < 16; i++) {
		u64 seen = *(volatile u64 *)&space->word;

		if (MSEALD_WORD_KEY(seen) != key || seen & MSEALD_WORD_GONE ||
		    (expected != MSEALD_ANY_SET && MSEALD_WORD_SET(seen) != expected))
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
	/* While there are policies the programs stay: more is about to be sealed. */
	if (__sync_fetch_and_add(&state.sealed, -1) == 1 && !*(volatile u32 *)&state.policies)
		send_unused_event();
}

/* After a swap: the new set counts, and what the entry held before is given back. */
static __always_inline void space_replaced(u64 key, u64 old, u32 bits)
{
	space_slot_drop(key);
	/* Counted before it is released: the number of sealed ones never dips to 0 between. */
	if (MSEALD_WORD_SET(bits))
		__sync_fetch_and_add(&state.sealed, 1);
	space_release(old);
}

static __always_inline u64 task_key(u64 task)
{
	return BPF_CORE_READ((struct task_struct *)task, mm, MM_KEY);
}

/* --- bpf/space.bpf.c: global functions, which the verifier looks at once in each program --- */

/*
 * Removes an entry with all that it holds. Safe to be called twice, from anywhere, at the same time. An
 * entry with a kill pending stays while a fork is pending, for its child; then the daemon removes it.
 */
int space_remove(u64 key);

/*
 * Drops the mark of a child that will never run sealed: failed fork, exec. Takes the address of the
 * task's: the verifier lets no pointer be passed as a number to a global function.
 */
int space_fork_abandon(const u64 *task);

/*
 * The seal set of a marked child, 0 when it has no mark. Gives it its entry
 * if there is none yet. While another program does so the mark goes on serving.
 */
u32 space_fork_finish(const u64 *task, u64 key);

/*
 * Has the task a mark? While another program is finishing its fork, there may be no entry yet, and nothing
 * may share its memory or add to its seals.
 */
bool space_fork_is_pending(const u64 *task);

/* The same, looked at by the verifier once in each program. */
bool space_set_get_called(u32 set);
int space_set_put_called(u32 set);

/*
 * The seal set of an address space: of its entry or, while its fork is pending, of the mark of its first
 * task. 0: it has none. Of the pool, it is held: set_let_go().
 */
u32 space_set_of(u64 key, const u64 *task);

/*
 * The seal set of the current task's address space, which is not surely unsealed; 0: it has none. A child
 * whose fork is pending has the set of its mark. It cannot share its memory before it has an entry:
 * lsm/task_alloc finishes the pending fork of every task that clones, or refuses. Held as by space_set_of().
 */
u32 space_current_set_of(u64 key);

/* The same, remembered in its slot for the next time. */
u32 space_current_set_kept(u64 key);

static __always_inline u32 current_set(u64 key)
{
	return likely(space_unsealed(key)) ? 0 : space_current_set_of(key);
}

/* The same; a child whose fork is pending gets its entry by this. */
static __always_inline u32 current_set_finished(u64 key)
{
	u64 task;

	if (unlikely(*(volatile u64 *)&state.pending_forks)) {
		task = bpf_get_current_task();
		(void)space_fork_finish(&task, key);
	}
	return current_set(key);
}

/* What was found in a set is not needed any more: it may be used again. */
static __always_inline void set_let_go(u32 set)
{
	if (unlikely(is_pooled(set)))
		(void)space_set_put_called(set);
}

#endif
