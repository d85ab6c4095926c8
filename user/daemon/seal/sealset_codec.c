// SPDX-License-Identifier: LGPL-2.1-or-later
/* Seal sets in the form that the programs search: struct mseald_node of mseald/shared.h. See sealset.h. */
#include "seal/sealset.h"

#include <assert.h>

#include "lib/base/list.h"

static_assert(MSEALD_LEVEL_0 == 0 && MSEALD_LEVEL_1 == 1 && MSEALD_LEVEL_2 == 1 + MSEALD_FANOUT,
	      "levels in other places");

static const size_t level_at[] = { MSEALD_LEVEL_0, MSEALD_LEVEL_1, MSEALD_LEVEL_2 };

static unsigned depth_of(size_t seals)
{
	return seals <= MSEALD_FANOUT ? 0 : seals <= MSEALD_FANOUT * MSEALD_FANOUT ? 1 : 2;
}

static size_t nodes_for(size_t things)
{
	return (things + MSEALD_FANOUT - 1) / MSEALD_FANOUT;
}

int sealset_nodes_needed(size_t seals, size_t files)
{
	if (seals == 0)
		return 0;
	if (seals > MSEALD_MAX_SEALS || files > seals)
		return -E2BIG;
	return (int)(level_at[depth_of(seals)] + nodes_for(seals) + nodes_for(files));
}

static uint64_t rule_pack(const struct seal *seal)
{
	uint64_t rule = (uint64_t)seal->segment << MSEALD_RULE_SEGMENT_SHIFT |
			(uint64_t)seal->flags << MSEALD_RULE_FLAGS_SHIFT;

	for (unsigned i = 0; i < MSEALD_ACTION_COUNT; i++)
		rule |= (uint64_t)seal->permanent[i] << MSEALD_RULE_SHIFT(i) |
			(uint64_t)seal->revocable[i] << (MSEALD_RULE_REVOCABLE_SHIFT + MSEALD_RULE_SHIFT(i));
	return rule;
}

static void rule_unpack(uint64_t rule, struct seal *seal)
{
	for (unsigned i = 0; i < MSEALD_ACTION_COUNT; i++) {
		seal->permanent[i] = (uint8_t)(rule >> MSEALD_RULE_SHIFT(i));
		seal->revocable[i] = (uint8_t)(rule >> (MSEALD_RULE_REVOCABLE_SHIFT + MSEALD_RULE_SHIFT(i)));
	}
	seal->segment = (uint8_t)(rule >> MSEALD_RULE_SEGMENT_SHIFT);
	seal->flags = (uint8_t)(rule >> MSEALD_RULE_FLAGS_SHIFT);
}

/* Fills in the root's fields about the whole set. */
static void encode_header(const struct sealset *set, struct mseald_node *root)
{
	root->count = (uint32_t)set->count;
	root->depth = (uint8_t)depth_of(set->count);
	root->label = set->label;
	for (size_t i = 0; i < set->count; i++) {
		const struct seal *seal = &set->list[i];

		root->deny |= (uint8_t)seal_deny_all(seal);
		root->flags |= seal->flags;
		/* Finds the widest gap between two seals. */
		if (i > 0 && seal->start - seal[-1].end > root->gap_end - root->gap_start) {
			root->gap_start = seal[-1].end;
			root->gap_end = seal->start;
		}
	}
	/*
	 * The kernel allocates addresses from the top of the gap between heap and libraries. If nothing is
	 * sealed below the libraries, this gap is below the first seal.
	 */
	if (root->gap_end - root->gap_start < MSEALD_WIDE_GAP &&
	    set->list[0].start > root->gap_end - root->gap_start) {
		root->gap_start = 0;
		root->gap_end = set->list[0].start;
	}
}

/* Encodes a level of inner nodes: each slot is the first start of a node of the level below. */
static void encode_inner(struct mseald_node *level, const struct mseald_node *below, size_t below_count)
{
	for (size_t i = 0; i < below_count; i++)
		level[i / MSEALD_FANOUT].start[i % MSEALD_FANOUT] = below[i].start[0];
}

static_assert(sizeof(struct mseald_file_node) == sizeof(struct mseald_node) &&
		      offsetof(struct mseald_file_node, none) == offsetof(struct mseald_node, start),
	      "no seal begins where files are");

/* Encodes the files, in nodes without seals. */
static void encode_files(const struct sealset_file *files, size_t count, struct mseald_node *nodes)
{
	for (size_t i = 0; i < nodes_for(count) * MSEALD_FANOUT; i++) {
		struct mseald_file_node *node = (void *)&nodes[i / MSEALD_FANOUT];
		size_t slot = i % MSEALD_FANOUT;

		node->order[slot] = MSEALD_NO_START;
		if (i >= count)
			continue;
		node->order[slot] = MSEALD_INODE_ORDER(files[i].inode.address);
		node->number[slot] = files[i].inode.number;
		node->seal[slot] = (uint32_t)files[i].seal;
	}
}

/* Number of the file in the list, from 1; 0: none, or not in the list any more. */
static uint16_t file_index(const struct sealset_file *files, size_t count, const struct mseald_inode *inode)
{
	uint64_t order = MSEALD_INODE_ORDER(inode->address);
	size_t at = LIST_SEARCH(count, i, MSEALD_INODE_ORDER(files[i].inode.address) < order);

	return inode->address && at < count && memcmp(&files[at].inode, inode, sizeof(*inode)) == 0 ?
		       (uint16_t)(at + 1) :
		       0;
}

int sealset_encode(const struct sealset *set, struct mseald_node *nodes, size_t count)
{
	_cleanup_free_ struct sealset_file *files = NULL;
	unsigned depth = depth_of(set->count);
	size_t files_count, width;
	int needed;

	if (set->count > MSEALD_MAX_SEALS)
		return -E2BIG;
	needed = sealset_files(set, MSEALD_DENY_FILE, &files, &files_count);
	if (needed < 0)
		return needed;
	needed = sealset_nodes_needed(set->count, files_count);
	if (needed < 0)
		return needed;
	if ((size_t)needed != count)
		return -EINVAL;
	if (count == 0)
		return 0;
	memset(nodes, 0, count * sizeof(*nodes));
	for (size_t i = 0; i < count; i++) {
		for (size_t slot = 0; slot < MSEALD_FANOUT; slot++)
			nodes[i].start[slot] = MSEALD_NO_START;
	}
	for (size_t i = 0; i < set->count; i++) {
		struct mseald_node *leaf = &nodes[level_at[depth] + i / MSEALD_FANOUT];
		const struct seal *seal = &set->list[i];
		size_t slot = i % MSEALD_FANOUT;

		leaf->start[slot] = seal->start;
		leaf->end[slot] = seal->end;
		leaf->rule[slot] = rule_pack(seal);
		leaf->hits[slot] = seal->hits;
		leaf->pgoff[slot] = seal->pgoff;
		leaf->file[slot] = file_index(files, files_count, &seal->file);
	}
	encode_files(files, files_count, &nodes[count - nodes_for(files_count)]);
	nodes[0].files = (uint32_t)files_count;
	width = nodes_for(set->count);
	for (unsigned level = depth; level > 0; level--) {
		encode_inner(nodes + level_at[level - 1], nodes + level_at[level], width);
		width = (width + MSEALD_FANOUT - 1) / MSEALD_FANOUT;
	}
	encode_header(set, nodes);
	return 0;
}

static struct mseald_inode decode_file(const struct mseald_node *nodes, size_t index)
{
	const struct mseald_file_node *node = (const void *)&nodes[index / MSEALD_FANOUT];
	size_t slot = index % MSEALD_FANOUT;

	if (node->order[slot] == MSEALD_NO_START)
		return (struct mseald_inode){ 0 };
	return (struct mseald_inode){ .address = MSEALD_INODE_ADDRESS(node->order[slot]),
				      .number = node->number[slot] };
}

int sealset_decode(const struct mseald_node *nodes, size_t count, struct sealset *ret)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	_cleanup_free_ struct mseald_node *again = NULL;
	size_t seals = count > 0 ? nodes[0].count : 0, files = count > 0 ? nodes[0].files : 0;
	int r = sealset_nodes_needed(seals, files);

	if (r < 0 || (size_t)r != count || (count > 0 && nodes[0].pooled > 1))
		return -EBADMSG;
	set.list = seals ? reallocarray(NULL, seals, sizeof(*set.list)) : NULL;
	if (seals && !set.list)
		return -ENOMEM;
	set.label = count > 0 ? nodes[0].label : 0;
	for (size_t i = 0; i < seals; i++) {
		const struct mseald_node *leaf = &nodes[level_at[depth_of(seals)] + i / MSEALD_FANOUT];
		size_t slot = i % MSEALD_FANOUT;
		struct seal seal = {
			.start = leaf->start[slot],
			.end = leaf->end[slot],
			.hits = leaf->hits[slot],
			.pgoff = nodes[0].pooled ? 0 : leaf->pgoff[slot],
		};

		rule_unpack(leaf->rule[slot], &seal);
		if (leaf->file[slot] > files)
			return -EBADMSG;
		if (leaf->file[slot])
			seal.file = decode_file(&nodes[count - nodes_for(files)], leaf->file[slot] - 1u);
		if (!seal_valid(&seal) || (seal.pgoff && !(seal.flags & MSEALD_SEAL_SHM)) ||
		    (i > 0 && seal.start < set.list[i - 1].end))
			return -EBADMSG;
		set.list[set.count++] = seal;
	}

	/*
	 * Everything else follows from the seals: any difference from the output of encode is a fault. A BPF
	 * program uses another order, and does not search the best gap.
	 */
	if (count > 0 && !nodes[0].pooled) {
		again = reallocarray(NULL, count, sizeof(*again));
		if (!again)
			return -ENOMEM;
		r = sealset_encode(&set, again, count);
		/* Nodes for fewer or more files than those of the seals. */
		if (r < 0)
			return r == -EINVAL ? -EBADMSG : r;
		if (memcmp(again, nodes, count * sizeof(*again)) != 0)
			return -EBADMSG;
	}
	*ret = set;
	set = (struct sealset){ 0 };
	return 0;
}
