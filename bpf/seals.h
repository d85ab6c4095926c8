/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The search in a seal set: does [start, end) meet a seal that could stop
 * this? Quick and free of branches on data; it may say yes where the slow look
 * in verdict.bpf.c says no (another stop bit), never the reverse.
 */
#ifndef MSEALD_BPF_SEALS_H
#define MSEALD_BPF_SEALS_H

#include "maps.h"

#define MSEALD_PAGE 4096ULL
/* Above every user address: the kernel itself refuses a range that ends beyond. */
#define MSEALD_ADDRESS_LIMIT MSEALD_NO_START

/*
 * The last slot whose start is not above address, or 0. Both are below 2^63,
 * so the sign of the difference tells. The verifier of 6.1 forgets the bounds
 * of a number at OR and XOR, which the compiler makes of this: so it is bounded
 * once more at each step.
 */
static __always_inline u32 node_slot(const struct mseald_node *node, u64 address)
{
	u64 slot = 0;

#define STEP(width) do { \
		slot += ~(u64)((s64)(address - node->start[slot + (width)]) >> 63) & (width); \
		asm volatile("%0 &= 31" : "+r"(slot)); \
	} while (0)
	STEP(16);
	STEP(8);
	STEP(4);
	STEP(2);
	STEP(1);
#undef STEP
	return slot;
}

/* The leaf and slot where seals at or after address begin; NULL when the set cannot be read. */
static __always_inline struct mseald_node *seals_find(void *seals, struct mseald_node *root,
						      u64 address, u32 *ret_at, u32 *ret_slot)
{
	struct mseald_node *node = root;
	u32 at = MSEALD_LEVEL_0;

	if (root->depth) {
		bool deeper = root->depth > 1;
		u32 slot = node_slot(node, address);

		at = MSEALD_LEVEL_1 + slot;
		node = bpf_map_lookup_elem(seals, &at);
		if (!node)
			return NULL;
		if (deeper) {
			at = MSEALD_LEVEL_2 + slot * MSEALD_FANOUT + node_slot(node, address);
			node = bpf_map_lookup_elem(seals, &at);
			if (!node)
				return NULL;
		}
	}
	*ret_at = at;
	*ret_slot = node_slot(node, address);
	return node;
}

/* Does [start, end) meet a seal of a set that holds one of these stop bits? Yes, when that cannot be read. */
static __always_inline bool seals_meet(u32 set, u64 start, u64 end, u32 stop)
{
	void *seals = bpf_map_lookup_elem(&sets, &set);
	struct mseald_node *node;
	u32 at = 0, slot;

	if (unlikely(!seals))
		return true;
	node = bpf_map_lookup_elem(seals, &at);
	if (unlikely(!node))
		return true;
	if (!(node->stops & stop))
		return false;
	if (start >= node->gap_start && end <= node->gap_end)
		return false;
	node = seals_find(seals, node, start, &at, &slot);
	if (unlikely(!node))
		return true;
	if (node->start[slot] < end && node->end[slot] > start)
		return true;
	/* The slot found lies wholly below, so only its successor can meet. */
	slot++;
	if (slot < MSEALD_FANOUT)
		return node->start[slot] < end;
	at++;
	node = bpf_map_lookup_elem(seals, &at);
	return node && node->start[0] < end;
}

/* The union of all MSEALD_SEAL_* of a set; all of them, when it cannot be read. */
static __always_inline u32 seals_flags(u32 set)
{
	void *seals = bpf_map_lookup_elem(&sets, &set);
	struct mseald_node *root;
	u32 at = 0;

	root = seals ? bpf_map_lookup_elem(seals, &at) : NULL;
	return root ? root->flags : 0xff;
}

/* Where the first seal that meets [start, end) begins there, whatever it stops; 0: none, or the set cannot be read. */
static __always_inline u64 seals_first(u32 set, u64 start, u64 end)
{
	void *seals = bpf_map_lookup_elem(&sets, &set);
	struct mseald_node *node;
	u32 at = 0, slot;

	node = seals ? bpf_map_lookup_elem(seals, &at) : NULL;
	node = node ? seals_find(seals, node, start, &at, &slot) : NULL;
	if (!node)
		return 0;
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

#endif
