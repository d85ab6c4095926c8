/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From an address space to its seal set. If the kernel never reuses the number that is the key (mm_key() of
 * arch.h), an entry that outlives its address space affects no other. With MSEALD_KEYS_RETURN it is removed
 * before the next one of its key runs, in case the program that sees the end was raced: at exec by a LSM
 * program, at fork by its age. An entry is only ever made for an address space that exists.
 *
 * lsm/task_alloc, which cannot be raced, marks a child of a sealed process in `pending_forks`.
 * tp_btf/task_newtask, which can, gives the child its own entry and removes the mark. Until then the fork is
 * pending, and a look-up that finds no entry reads the mark.
 */
#pragma once

#include "maps.h"
#include "quota.h"

static __always_inline u64 space_key(const struct mm_struct *mm)
{
	return mm_key(mm);
}

static __always_inline struct mseald_slot *space_slot(u64 key)
{
	return &state.slots[key % MSEALD_SLOTS];
}

/*
 * Surely not sealed. This is nearly the whole cost for an unsealed process. The order matters:
 * space_fork_finish() counts the entry before the fork is no longer pending.
 */
static __always_inline bool space_unsealed(u64 key)
{
	u64 pending = *(volatile u64 *)&state.pending_forks;

	return !pending && !*(volatile u32 *)((void *)&space_slot(key)->count + after(pending));
}

/* May the address space be watched (watch.h)? */
static __always_inline bool space_watched(u64 key)
{
	return *(volatile u32 *)&space_slot(key)->watched;
}

/* Both in one: 0, or SPACE_MAY_BE_SEALED(), SPACE_MAY_BE_WATCHED(). */
static __always_inline u64 space_use(u64 key)
{
	u64 pending = *(volatile u64 *)&state.pending_forks;

	return pending | *(volatile u64 *)((void *)&space_slot(key)->used + after(pending));
}

#define SPACE_MAY_BE_SEALED(use) ((u32)(use))
#define SPACE_MAY_BE_WATCHED(use) ((use) >> 32)

/* Empties the slot of a key whose entry has got another set (bpf/space.bpf.c). */
int space_slot_drop(u64 key);

/*
 * MSEALD_SPACE_* of an address space that has an entry. Without one, by mistake, the flags that are judged
 * most strictly.
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
 * Called before an address space gets its first mapping of huge pages. The slot is dropped so that ranges in
 * the gap are judged as well: a slot has no flags, and lengths there may be rounded up. False: there is no
 * entry for the flag.
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

/* Tells the daemon to remove an unused object. If the event is lost, the daemon checks the maps anyway. */
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

/* Takes a reference on a set that may be about to go; false: it is gone. */
static __always_inline bool set_get(u32 set)
{
	u64 *count = bpf_map_lookup_elem(&refs, &set);

	if (!count)
		return false;
#pragma clang loop unroll(disable)
	for (int i = 0; i < 16; i++) {
		u64 seen = *(volatile u64 *)count;

		if (!seen)
			return false;
		if (__sync_val_compare_and_swap(count, seen, seen + 1) == seen)
			return true;
	}
	return false;
}

/* Returns a set to the pool. It has no references and cannot get any. */
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

/* Reserves an entry in `spaces`, charged to that account (quota.h); false: no room. */
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

/* MSEALD_SPACE_BORN() of an entry that is made now. */
static __always_inline u64 space_born_now(void)
{
#ifdef MSEALD_KEYS_RETURN
	return bpf_ktime_get_boot_ns();
#else
	return 0;
#endif
}

/* Is it the entry that was born then? 0: any is. */
static __always_inline bool space_is(const struct mseald_space *space, u64 born)
{
#ifdef MSEALD_KEYS_RETURN
	return !born || *(volatile u64 *)&space->born == born;
#else
	/* The compiler passes no argument that is never used, and the verifier wants each. */
	asm volatile("" : : "r"(born));
	return true;
#endif
}

/* Enters an address space. The caller holds a reservation and a reference, which the entry takes over. */
static __always_inline int space_insert(u64 key, u64 born, u32 bits, u32 account, u32 flags)
{
	struct mseald_space space = { .word = MSEALD_WORD(MSEALD_OWNER(key, born), bits),
				      .account = account,
				      .flags = flags };
	int err;

#ifdef MSEALD_KEYS_RETURN
	space.born = born;
#endif
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
 * Swaps the set of an entry. Returns the old word. Returns 0 if the element has another owner by now, is
 * GONE, or has another set than expected (MSEALD_ANY_SET: any). On success the caller owns the reference to
 * the old set. Bounded: only the daemon, the loader of the address space and its end change an entry.
 */
static __always_inline u64 space_swap(struct mseald_space *space, u64 owner, u32 bits, u32 expected)
{
	for (int i = 0; i < 16; i++) {
		u64 seen = *(volatile u64 *)&space->word;

		if (MSEALD_WORD_OWNER(seen) != owner || seen & MSEALD_WORD_GONE ||
		    (expected != MSEALD_ANY_SET && MSEALD_WORD_SET(seen) != expected))
			return 0;
		if (__sync_val_compare_and_swap(&space->word, seen, MSEALD_WORD(owner, bits)) == seen)
			return seen;
	}
	return 0;
}

/* Releases the set of an entry that had this word. */
static __always_inline void space_release(u64 word)
{
	u32 set = MSEALD_WORD_SET(word);

	if (!set)
		return;
	set_put(set);
	/* While policies are active the programs stay: more is about to be sealed. */
	if (__sync_fetch_and_add(&state.sealed, -1) == 1 && !*(volatile u32 *)&state.policies)
		send_unused_event();
}

/* After a swap: counts the new set and releases the old one. */
static __always_inline void space_replaced(u64 key, u64 old, u32 bits)
{
	space_slot_drop(key);
	/* Counted before the release, so that the number of sealed entries never dips to 0 between. */
	if (MSEALD_WORD_SET(bits))
		__sync_fetch_and_add(&state.sealed, 1);
	space_release(old);
}

static __always_inline u64 task_key(u64 task)
{
	return mm_key_read(BPF_CORE_READ((struct task_struct *)task, mm));
}

/* The key of the current task, for rare calls: task->mm is faster to follow, and slower to load. */
static __always_inline u64 own_key(void)
{
	return task_key(bpf_get_current_task());
}

/* --- bpf/space.bpf.c: global functions, which the verifier checks once in each program --- */

/*
 * Removes an entry with all that it holds; born: MSEALD_SPACE_BORN() that it must have, 0: any. Safe to be
 * called twice, from anywhere, at the same time. An entry with a kill pending stays while a fork is pending,
 * for its child; then the daemon removes it.
 */
int space_remove(u64 key, u64 born);

#ifdef MSEALD_KEYS_RETURN
/* The same for an entry made before this time, whatever is pending: it is of an earlier address space. */
int space_remove_older(u64 key, u64 time);
#endif

/*
 * Drops the mark of a child that will never run sealed: failed fork, exec. Takes the address of the task's
 * address: the verifier lets no pointer be passed to a global function as a number.
 */
int space_fork_abandon(const u64 *task);

/*
 * The seal set of a marked child; 0: no mark. Also makes its entry. While another program is making the
 * entry, the mark remains valid.
 */
u32 space_fork_finish(const u64 *task, u64 key);

/*
 * Has the task a mark? While another program is finishing its fork, there may be no entry yet. Then no task
 * may share its memory or add to its seals.
 */
bool space_fork_is_pending(const u64 *task);

/* set_get() and set_put(), checked by the verifier once in each program. */
bool space_set_get_called(u32 set);
int space_set_put_called(u32 set);

/*
 * The seal set of an address space: from its entry or, while its fork is pending, from the mark of its first
 * task. 0: none. A set of the pool is held: release it with set_let_go(). The task's address must be a number
 * that was read or that a helper returned. To pass it by an address of the stack would cost the verifier of
 * 7.3 another analysis for each call.
 */
u32 space_set_of(u64 key, u64 task);

/*
 * The seal set of the current task's address space, which is not surely unsealed; 0: none. A child whose fork
 * is pending has the set of its mark. It cannot share its memory before it has an entry: lsm/task_alloc
 * finishes the pending fork of every task that clones, or refuses. Held as by space_set_of().
 */
u32 space_current_set_of(u64 key);

/* The same, and caches the result in the slot. */
u32 space_current_set_kept(u64 key);

static __always_inline u32 current_set(u64 key)
{
	return likely(space_unsealed(key)) ? 0 : space_current_set_of(key);
}

/* The same; first gives a child whose fork is pending its entry. */
static __always_inline u32 current_set_finished(u64 key)
{
	u64 task;

	if (unlikely(*(volatile u64 *)&state.pending_forks)) {
		task = bpf_get_current_task();
		(void)space_fork_finish(&task, key);
	}
	return current_set(key);
}

/* Ends the use of a set: a set of the pool may be reused from here on. */
static __always_inline void set_let_go(u32 set)
{
	if (unlikely(is_pooled(set)))
		(void)space_set_put_called(set);
}
