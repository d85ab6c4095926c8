/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The search in a seal set: does [start, end) meet a seal that could deny the operation? Fast and free of
 * branches on data. It may return true where the slow path in verdict.bpf.c finds nothing (another deny bit),
 * never the reverse.
 */
#pragma once

#include "maps.h"

_Static_assert(__builtin_offsetof(struct mseald_node, end) - __builtin_offsetof(struct mseald_node, start) ==
		       MSEALD_FANOUT * sizeof(u64),
	       "ends follow starts");
_Static_assert(sizeof(struct mseald_file_node) == sizeof(struct mseald_node) &&
		       __builtin_offsetof(struct mseald_file_node, none) ==
			       __builtin_offsetof(struct mseald_node, start),
	       "no seal begins where files are");

/* Above every user address: the kernel itself refuses a range that ends beyond it. */
#define MSEALD_ADDRESS_LIMIT MSEALD_NO_START

/*
 * The last start that is not above address, or the first. Both are below 2^63, so the sign of the difference
 * compares them. The pointer moves instead of an index: the compiler tends to use OR and XOR here, at which
 * the verifier of 6.1 loses the bounds of an index.
 */
static __always_inline const u64 *find_start(const u64 *start, u64 address)
{
	_Static_assert(MSEALD_FANOUT == 32, "the steps below halve 32 slots");
#define STEP(width) \
	start = (const void *)start + ((s64)(start[width] - (address + 1)) >> 63 & (width) * sizeof(*start))
	STEP(16);
	STEP(8);
	STEP(4);
	STEP(2);
	STEP(1);
#undef STEP
	/* Otherwise the compiler uses 32-bit arithmetic where it thinks that only the slot is needed. */
	asm volatile("" : "+r"(start));
	return start;
}

static __always_inline const u64 *node_find(const struct mseald_node *node, u64 address)
{
	return find_start(node->start, address);
}

static __always_inline u32 node_slot(const struct mseald_node *node, const u64 *start)
{
	return (start - node->start) & (MSEALD_FANOUT - 1);
}

/* The leaf where seals at or after address begin, and its index; NULL if the set cannot be read. */
static __always_inline struct mseald_node *seals_leaf(void *seals, struct mseald_node *root, u64 address,
						      u32 *ret_at)
{
	struct mseald_node *node = root;
	u32 at = MSEALD_LEVEL_0;

	if (root->depth) {
		bool deeper = root->depth > 1;
		u32 slot = node_slot(node, node_find(node, address));

		at = MSEALD_LEVEL_1 + slot;
		node = bpf_map_lookup_elem(seals, &at);
		if (!node)
			return NULL;
		if (deeper) {
			at = MSEALD_LEVEL_2 + slot * MSEALD_FANOUT +
			     node_slot(node, node_find(node, address));
			node = bpf_map_lookup_elem(seals, &at);
			if (!node)
				return NULL;
		}
	}
	*ret_at = at;
	return node;
}

/* The same by the number of the set; also returns the set. */
static __always_inline struct mseald_node *seals_leaf_of(u32 set, u64 address, void **ret_seals, u32 *ret_at)
{
	void *seals = bpf_map_lookup_elem(&sets, &set);
	struct mseald_node *root;
	u32 at = 0;

	root = seals ? bpf_map_lookup_elem(seals, &at) : NULL;
	*ret_seals = seals;
	return root ? seals_leaf(seals, root, address, ret_at) : NULL;
}

/* Does [start, end) meet a seal of the set with one of these deny bits? Yes, if the set cannot be read. */
static __always_inline bool seals_meet(u32 set, u64 start, u64 end, u32 deny_mask)
{
	void *seals = bpf_map_lookup_elem(&sets, &set);
	struct mseald_node *node;
	const u64 *found;
	u32 at = 0;

	if (unlikely(!seals))
		return true;
	node = bpf_map_lookup_elem(seals, &at);
	if (unlikely(!node))
		return true;
	if (!(node->deny & deny_mask))
		return false;
	node = seals_leaf(seals, node, start, &at);
	if (unlikely(!node))
		return true;
	found = node_find(node, start);
	/* All ends follow all starts in the node, so a seal's end is MSEALD_FANOUT words after its start. */
	if (found[0] < end && found[MSEALD_FANOUT] > start)
		return true;
	/* This seal lies wholly below, so only the next one can meet the range. */
	if (likely(node_slot(node, found) < MSEALD_FANOUT - 1))
		return found[1] < end;
	at++;
	node = bpf_map_lookup_elem(seals, &at);
	return node && node->start[0] < end;
}

/* The union of all MSEALD_SEAL_* of a set; all bits, if the set cannot be read. */
static __always_inline u32 seals_flags(u32 set)
{
	void *seals = bpf_map_lookup_elem(&sets, &set);
	struct mseald_node *root;
	u32 at = 0;

	root = seals ? bpf_map_lookup_elem(seals, &at) : NULL;
	return root ? root->flags : 0xff;
}

/* The rule of the seal at an address; 0: there is none, or the set cannot be read. */
static __always_inline u64 seals_rule(u32 set, u64 address)
{
	void *seals;
	u32 at, slot;
	struct mseald_node *node = seals_leaf_of(set, address, &seals, &at);

	if (!node)
		return 0;
	slot = node_slot(node, node_find(node, address));
	return node->start[slot] <= address && node->end[slot] > address ? node->rule[slot] : 0;
}

/* The first sealed address in [start, end), whatever the seal denies; 0: none, or unreadable. */
static __always_inline u64 seals_first(u32 set, u64 start, u64 end)
{
	void *seals;
	u32 at, slot;
	struct mseald_node *node = seals_leaf_of(set, start, &seals, &at);

	if (!node)
		return 0;
	slot = node_slot(node, node_find(node, start));
	if (node->end[slot] > start)
		return node->start[slot] >= end ? 0 : node->start[slot] > start ? node->start[slot] : start;
	slot++;
	if (slot >= MSEALD_FANOUT) {
		slot = 0;
		at++;
		node = bpf_map_lookup_elem(seals, &at);
		if (!node)
			return 0;
	}
	return node->start[slot] < end ? node->start[slot] : 0;
}
