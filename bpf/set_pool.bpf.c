// SPDX-License-Identifier: GPL-2.0-only
/*
 * Puts seals into a set of the pool (MSEALD_POOL_FIRST of mseald/shared.h): takes a free set, copies the
 * seals of the address space into it with the new ones between, and swaps it in. user/daemon/seal/set_pool.c
 * makes the sets.
 *
 * No hooks: a global function, which exec_seal.bpf.c calls.
 */
#include "bits.h"
#include "set_pool.h"

static __always_inline struct mseald_node *node_of(void *seals, u32 at)
{
	return seals ? bpf_map_lookup_elem(seals, &at) : NULL;
}

/*
 * Takes a free set out of a group of 64, with one reference; 0: none is free. The bit is a hint, the count
 * decides: a new daemon may have offered a set that a program is still using.
 */
__noinline u32 set_pool_take_one(u32 at)
{
	u64 seen, bit, *count;
	u32 set;

	at %= MSEALD_POOL_SETS / 64;
	seen = *(volatile u64 *)&state.pool_free[at];
	if (!seen)
		return 0;
	bit = lowest_of(seen);
	if (!(__sync_fetch_and_and(&state.pool_free[at], ~bit) & bit))
		return 0;
	set = MSEALD_POOL_FIRST + at * 64 + bit_index(bit);
	count = bpf_map_lookup_elem(&refs, &set);
	return count && !__sync_val_compare_and_swap(count, 0, 1) ? set : 0;
}

static __always_inline u32 pool_take(void)
{
	u32 first = bpf_get_smp_processor_id(), set = 0;

	for (u32 i = 0; !set && i < 2 * MSEALD_POOL_SETS / 64; i++)
		set = set_pool_take_one(first + i);
	return set;
}

/*
 * Narrows the gap around the new seals at [start, end). Most new mappings go below the libraries, so the gap
 * above the program and below the libraries is kept.
 */
static __always_inline void narrow_gap(struct mseald_node *new, bool first, u64 start, u64 end)
{
	u64 above;

	if (first) {
		new->gap_start = start >= MSEALD_WIDE_GAP ? 0 : end;
		new->gap_end = start >= MSEALD_WIDE_GAP ? start : MSEALD_NO_START;
		return;
	}
	if (end <= new->gap_start || start >= new->gap_end)
		return;
	above = new->gap_end > end ? new->gap_end - end : 0;
	if (above >= MSEALD_WIDE_GAP)
		new->gap_start = end;
	else
		new->gap_end = start;
}

/* Global: the verifier takes its result for any number, and does not follow each path through it. */
__noinline u32 set_pool_slots_below(const struct mseald_node *node, u64 address)
{
	u32 slots = 0;

	if (!node)
		return 0;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MSEALD_FANOUT; i++) {
		if (i >= node->count)
			break;
		slots += (node->start[i] - address - 1) >> 63;
	}
	return slots;
}

/* Slots from this one on that the set used before are marked unused, by their start and their order. */
__noinline int set_pool_mark_unused(struct mseald_node *node, struct mseald_file_node *files, u32 from)
{
	if (!node || !files)
		return 0;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MSEALD_FANOUT; i++) {
		u32 slot = (from + i) & (MSEALD_FANOUT - 1);

		if (from + i >= *(volatile u32 *)&node->count)
			break;
		node->start[slot] = MSEALD_NO_START;
		files->order[slot] = MSEALD_NO_START;
	}
	return 0;
}

/*
 * Fills the new set with the seals of the old set and the current pieces; no old seal lies between the
 * pieces. Returns what set_pool_seal_pieces() returns. Free of branches on data: the verifier of 6.12 gives
 * up after a million steps.
 */
__noinline int set_pool_fill(u32 new_set, u32 old_set, struct mseald_loading *loading)
{
	void *new_seals = bpf_map_lookup_elem(&sets, &new_set);
	void *old_seals = bpf_map_lookup_elem(&sets, &old_set);
	struct mseald_node *new = node_of(new_seals, 0), *old = node_of(old_seals, 0);
	struct mseald_file_node *files = (void *)node_of(new_seals, 1);
	struct mseald_file_node *old_files = (void *)node_of(old_seals, 1);
	u64 start, end, place, more, count, order;

	if (!loading || !new || !old || !files || !old_files)
		return MSEALD_LEFT_CHANGED + 1;
	more = loading->pieces;
	count = old->count + more;
	if (!more || more > MSEALD_LOADING_PIECES || count > MSEALD_FANOUT)
		return MSEALD_LEFT_FULL + 1;
	start = loading->piece[0];
	end = loading->piece_end[(more - 1) & MSEALD_LOADING_PIECES];
	place = set_pool_slots_below(old, start);
	if (place >= MSEALD_FANOUT)
		return MSEALD_LEFT_FULL + 1;
	if (old->start[place] < end || (place && old->end[place - 1] > start))
		return OBJECT_MEETS_SEAL;
	/* Both bounds hold by now, but the verifier of 6.1 does not know. */
	asm volatile("%0 &= 31; %1 &= 7" : "+r"(place), "+r"(more));
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < MSEALD_FANOUT; i++) {
		/* From the place of the new seals on, the old ones move up by their number. */
		u64 to = (i + (more & mask_if_less(place, i + 1))) & (MSEALD_FANOUT - 1);

		/* Read in each iteration, so that the verifier does not track its possible values. */
		if (i >= *(volatile u32 *)&old->count)
			break;
		/* Else clang 19 keeps the address of each array on the stack, which is full (512 bytes). */
		barrier_var(new);
		barrier_var(old);
		barrier_var(files);
		barrier_var(old_files);
		new->start[to] = old->start[i];
		new->end[to] = old->end[i];
		new->rule[to] = old->rule[i];
		new->hits[to] = old->hits[i];
		new->pgoff[to] = old->pgoff[i];
		files->order[to] = old_files->order[i];
		files->number[to] = old_files->number[i];
	}
	set_pool_mark_unused(new, files, count);
	new->deny = old->deny;
	new->flags = old->flags | (loading->rule | loading->data_rule) >> MSEALD_RULE_FLAGS_SHIFT;
	new->gap_start = old->gap_start;
	new->gap_end = old->gap_end;
	for (u32 i = 0; i < MSEALD_LOADING_PIECES; i++) {
		u64 at = place + i, rule = loading->piece_rule[i];
		u64 deny = rule | rule >> MSEALD_RULE_REVOCABLE_SHIFT;
		u64 segment = rule >> MSEALD_RULE_SEGMENT_SHIFT & 0xff;
		u64 no_file = mask_if_equal(loading->file.address, 0) |
			      mask_if_equal(segment, MSEALD_SEGMENT_DATA) |
			      mask_if_equal(segment, MSEALD_SEGMENT_VDSO);

		if (i >= more)
			break;
		deny |= deny >> 8 | deny >> 16;
		new->deny |= deny &MSEALD_DENY_ALL;
		no_file |= mask_if_equal(deny & MSEALD_DENY_FILE, 0);
		barrier_var(new);
		barrier_var(files);
		new->start[at] = loading->piece[i];
		new->end[at] = loading->piece_end[i];
		new->rule[at] = rule;
		new->hits[at] = 0;
		new->pgoff[at] = loading->place;
		order = MSEALD_INODE_ORDER(loading->file.address);
		files->order[at] = order ^ ((order ^ MSEALD_NO_START) & no_file);
		files->number[at] = loading->file.number;
	}
	narrow_gap(new, !old->count, start, end);
	new->count = count;
	new->files = new->count;
	new->label = loading->label;
	return 0;
}

/*
 * Gives the address space the set, which has one reference. Returns 0, or an enum mseald_left + 1. Not
 * inlined, so that its stack is free while a set is filled.
 */
static __noinline int give_set(u64 key, struct mseald_space *space, u32 old_set, u32 set, u32 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 old;
	u32 account;

	if (space) {
		old = space_swap(space, MSEALD_OWNER(key, MSEALD_SPACE_BORN(space)), set, old_set);
		if (!old)
			return MSEALD_LEFT_CHANGED + 1;
		space_replaced(key, old, set);
		return 0;
	}
	account = account_of(task);
	if (!space_reserve(&account, false))
		return MSEALD_LEFT_FULL + 1;
	if (!space_insert(key, space_born_now(), set, account,
			  flags & MSEALD_LOADING_HUGETLB ? MSEALD_SPACE_HUGETLB : 0))
		return 0;
	space_unreserve(account);
	return MSEALD_LEFT_CHANGED + 1;
}

__noinline int set_pool_seal_pieces(u64 key, struct mseald_loading *loading)
{
	u64 self = bpf_get_current_task();
	struct mseald_space *space;
	struct mseald_node *root;
	u32 old_set, set;
	int left;

	if (!loading)
		return 0;
	/* The seals inherited from the parent must not be left out. */
	if (unlikely(*(volatile u64 *)&state.pending_forks) && space_fork_is_pending(&self))
		return MSEALD_LEFT_CHANGED + 1;
	space = bpf_map_lookup_elem(&spaces, &key);
	old_set = space ? MSEALD_WORD_SET(*(volatile u64 *)&space->word) : 0;
	if (old_set && !is_pooled(old_set))
		return MSEALD_LEFT_CHANGED + 1;
	set = pool_take();
	if (!set)
		return MSEALD_LEFT_POOL + 1;
	/*
	 * No entry has this set yet, so no program reads it. The first set of the pool is never taken, and
	 * empty.
	 */
	left = set_pool_fill(set, old_set ? old_set : MSEALD_POOL_FIRST, loading);
	if (!left)
		left = give_set(key, space, old_set, set, loading->flags);
	if (!left)
		return 0;
	/* The old set may have been reused during the copy: all slots are to be written anew next time. */
	root = node_of(bpf_map_lookup_elem(&sets, &set), 0);
	if (root)
		root->count = MSEALD_FANOUT;
	(void)space_set_put_called(set);
	return left;
}
