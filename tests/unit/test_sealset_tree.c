/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * user/daemon/seal/sealset.c: encoding as the tree of the BPF programs, searched as they do, against
 * sealset_judge; and decoding. Seeds are fixed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "seal/sealset.h"
#include "lib/base/util.h"
#include "page_sizes.h"
#include "sealset_judge.h"
#include "sealset_make.h"

/* count seals of one to three pages, with gaps of none to three between them. */
static void big_set(struct sealset *set, size_t count)
{
	_cleanup_free_ struct seal *list = reallocarray(NULL, count + 1, sizeof(*list));
	uint64_t at = 0x7f0000000000ull;

	assert_non_null(list);
	for (size_t i = 0; i < count; i++) {
		at += random_below(4) * PAGE;
		list[i] = (struct seal){
			.start = at,
			.end = at + (1 + random_below(3)) * PAGE,
			.segment = (uint8_t)(1 + i % 2), /* so that neighbours differ */
			.hits = (uint32_t)random_below(1000),
		};
		list[i].permanent[i % MSEALD_ACTION_COUNT] = (uint8_t)(1 + random_below(7));
		at = list[i].end;
	}
	assert_int_equal(sealset_add_all(set, list, count), 0);
	assert_int_equal(set->count, count);
}

/* Slot in a node of the last start at or below address; the first slot if there is none. */
static size_t tree_slot(const struct mseald_node *node, uint64_t address)
{
	size_t slot = 0;

	for (size_t step = MSEALD_FANOUT / 2; step > 0; step /= 2) {
		if ((int64_t)(address - node->start[slot + step]) >= 0)
			slot += step;
	}
	return slot;
}

/* The search of the BPF programs: down the fixed levels, then along the leaves. */
static int tree_judge(const struct mseald_node *nodes, uint64_t start, uint64_t end, unsigned bit,
		      uint64_t *ret_start)
{
	static const size_t levels[] = { MSEALD_LEVEL_0, MSEALD_LEVEL_1, MSEALD_LEVEL_2 };
	static const int strength[] = {
		[MSEALD_ACTION_KILL] = 3,
		[MSEALD_ACTION_DENY] = 2,
		[MSEALD_ACTION_AUDIT] = 1,
	};
	size_t index = 0;
	int best = -ENOENT;

	for (unsigned level = 0; level <= nodes->depth; level++)
		index = index * MSEALD_FANOUT + tree_slot(&nodes[levels[level] + index], start);
	for (; index < nodes->count; index++) {
		const struct mseald_node *leaf = &nodes[levels[nodes->depth] + index / MSEALD_FANOUT];
		size_t slot = index % MSEALD_FANOUT;

		if (leaf->start[slot] >= end)
			break;
		if (leaf->end[slot] <= start)
			continue;
		for (int action = 0; action < MSEALD_ACTION_COUNT; action++) {
			uint64_t deny = (leaf->rule[slot] |
					 leaf->rule[slot] >> MSEALD_RULE_REVOCABLE_SHIFT) >>
						MSEALD_RULE_SHIFT(action) &
					0xff;

			if ((deny & bit) && (best < 0 || strength[action] > strength[best])) {
				best = action;
				*ret_start = leaf->start[slot];
			}
		}
	}
	return best;
}

static size_t ceil_div(size_t a, size_t b)
{
	return (a + b - 1) / b;
}

/* Checks levels, unused slots and header against shared.h, slot by slot. */
static void assert_layout(const struct sealset *set, const struct mseald_node *nodes, size_t count)
{
	size_t seals = set->count, leaves = ceil_div(seals, 32), inner = ceil_div(leaves, 32);
	unsigned depth = seals <= 32 ? 0 : seals <= 1024 ? 1 : 2;
	size_t first_leaf = depth == 0 ? 0 : depth == 1 ? 1 : 33;
	uint64_t gap_start = 0, gap_end = 0;
	unsigned deny = 0;

	assert_int_equal(count, first_leaf + leaves);
	assert_int_equal(nodes[0].count, seals);
	assert_int_equal(nodes[0].depth, depth);
	assert_int_equal(nodes[0].flags, 0);
	for (size_t i = 0; i < seals; i++) {
		const struct seal *s = &set->list[i];

		deny |= s->permanent[0] | s->permanent[1] | s->permanent[2] | s->revocable[0] |
			s->revocable[1] | s->revocable[2];
		if (i > 0 && s->start - s[-1].end > gap_end - gap_start) {
			gap_start = s[-1].end;
			gap_end = s->start;
		}
	}
	if (gap_end - gap_start < 1ULL << 40 && set->list[0].start > gap_end - gap_start) {
		gap_start = 0;
		gap_end = set->list[0].start;
	}
	assert_int_equal(nodes[0].deny, deny);
	assert_int_equal(nodes[0].gap_start, gap_start);
	assert_int_equal(nodes[0].gap_end, gap_end);
	for (size_t n = 0; n < count; n++) {
		for (size_t slot = 0; slot < 32; slot++) {
			size_t below = SIZE_MAX; /* the seal of the slot's first start */

			if (n >= first_leaf)
				below = (n - first_leaf) * 32 + slot;
			else if (n == 0)
				below = slot * (depth == 1 ? 32 : 1024);
			else if (n - 1 < inner)
				below = (n - 1) * 1024 + slot * 32;
			assert_int_equal(nodes[n].start[slot],
					 below < seals ? set->list[below].start : MSEALD_NO_START);
			if (n < first_leaf || below >= seals) {
				assert_int_equal(nodes[n].end[slot], 0);
				assert_int_equal(nodes[n].rule[slot], 0);
				assert_int_equal(nodes[n].hits[slot], 0);
				assert_int_equal(nodes[n].pgoff[slot], 0);
			} else {
				assert_int_equal(nodes[n].end[slot], set->list[below].end);
				assert_int_equal(nodes[n].hits[slot], set->list[below].hits);
			}
		}
	}
}

static void trees_of_every_depth(void **state)
{
	static const struct {
		size_t seals;
		int nodes;
	} sizes[] = {
		{ 0, 0 },     { 1, 1 },	    { 2, 1 },	  { 31, 1 },	  { 32, 1 },	   { 33, 3 },
		{ 1023, 33 }, { 1024, 33 }, { 1025, 66 }, { 10000, 346 }, { 32768, 1057 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(sizes); i++) {
		_cleanup_(sealset_free) struct sealset set = { 0 };
		_cleanup_free_ struct mseald_node *nodes = NULL;
		size_t count = (size_t)sizes[i].nodes;
		uint64_t first, span;

		random_state = 1000 + i;
		big_set(&set, sizes[i].seals);
		assert_int_equal(sealset_nodes_needed(set.count, 0), sizes[i].nodes);
		assert_roundtrip(&set);
		if (count == 0)
			continue;
		nodes = malloc(count * sizeof(*nodes));
		assert_non_null(nodes);
		memset(nodes, 0x5a, count * sizeof(*nodes));
		assert_int_equal(sealset_encode(&set, nodes, count), 0);
		assert_layout(&set, nodes, count);

		first = set.list[0].start - 3 * PAGE;
		span = set.list[set.count - 1].end + 3 * PAGE - first;
		for (unsigned query = 0; query < 4000; query++) {
			uint64_t start = first + random_below(span);
			uint64_t length = 1 + random_below(query % 50 ? 20 * PAGE : span);
			unsigned bit = 1u << random_below(4);
			const struct seal *hit = NULL;
			uint64_t hit_start = 0;
			int expected = sealset_judge(&set, start, start + length, bit, &hit);

			assert_int_equal(tree_judge(nodes, start, start + length, bit, &hit_start), expected);
			if (expected >= 0)
				assert_int_equal(hit_start, hit->start);
		}
	}
}

/* Each file once, with the seal that judges writes to it, in the place where programs look for it. */
static void files_of_seals(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	_cleanup_free_ struct sealset_file *files = NULL;
	struct mseald_node nodes[3];
	const struct mseald_file_node *node = (const void *)&nodes[1];
	struct seal seal = pages(10, 20, MSEALD_DENY_DISCARD);
	size_t count;

	(void)state;
	seal.file = (struct mseald_inode){ .address = INODE(7), .number = 70 };
	add(&set, seal);
	seal = pages(20, 30, MSEALD_DENY_FILE_WRITE);
	seal.file = (struct mseald_inode){ .address = INODE(3), .number = 30 };
	add(&set, seal);
	seal = pages(40, 50, 0);
	seal.permanent[MSEALD_ACTION_KILL] = MSEALD_DENY_DISCARD;
	seal.file = set.list[0].file;
	add(&set, seal);
	/* The strongest, but a child of a fork lacks it. */
	seal = pages(60, 70, 0);
	seal.permanent[MSEALD_ACTION_KILL] = MSEALD_DENY_DISCARD;
	seal.flags = MSEALD_SEAL_DONTFORK;
	seal.file = set.list[1].file;
	add(&set, seal);
	add(&set, pages(80, 90, UNMAP));
	assert_int_equal(set.count, 5);

	assert_int_equal(sealset_files(&set, MSEALD_DENY_FILE_WRITE, &files, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(files[0].inode.number, 30);
	free(TAKE_PTR(files));
	assert_int_equal(sealset_files(&set, MSEALD_DENY_FILE, &files, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(files[0].inode.number, 30);
	assert_int_equal(files[0].seal, 1);
	assert_int_equal(files[1].inode.number, 70);
	assert_int_equal(files[1].seal, 2);
	assert_int_equal(files[1].action, MSEALD_ACTION_KILL);

	assert_int_equal(sealset_nodes_needed(set.count, count), 2);
	assert_int_equal(sealset_encode(&set, nodes, 2), 0);
	assert_int_equal(nodes[0].files, 2);
	assert_int_equal(nodes[0].file[0], 2);
	assert_int_equal(nodes[0].file[1], 1);
	assert_int_equal(nodes[0].file[4], 0);
	assert_int_equal(node->order[1], MSEALD_INODE_ORDER(INODE(7)));
	assert_int_equal(node->number[1], 70);
	assert_int_equal(node->seal[1], 2);
	assert_int_equal(node->order[2], MSEALD_NO_START);
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(nodes[1].start[i], MSEALD_NO_START);
	assert_roundtrip(&set);
	/* Flags of the file are dropped with the deny bits of the file. */
	assert_int_equal(sealset_revoke(&set, 0, 100 * PAGE, NULL, NULL), 0);
	assert_int_equal(set.list[0].file.number, 70);
}

static void rule_bits(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	const struct seal seal = {
		.start = PAGE,
		.end = 2 * PAGE,
		.permanent = { [MSEALD_ACTION_DENY] = 0x1,
			       [MSEALD_ACTION_KILL] = 0x2,
			       [MSEALD_ACTION_AUDIT] = 0x4 },
		.revocable = { [MSEALD_ACTION_DENY] = 0x8,
			       [MSEALD_ACTION_KILL] = 0x3,
			       [MSEALD_ACTION_AUDIT] = 0x5 },
		.segment = MSEALD_SEGMENT_RELRO,
		.flags = MSEALD_SEAL_SHM,
		.hits = 77,
		.pgoff = 88,
	};
	struct mseald_node node;

	(void)state;
	add(&set, seal);
	assert_int_equal(sealset_encode(&set, &node, 1), 0);
	assert_int_equal(node.rule[0], 0x0105030803040201);
	assert_int_equal(node.hits[0], 77);
	assert_int_equal(node.pgoff[0], 88);
	assert_int_equal(node.deny, 0xf);
	assert_int_equal(node.flags, MSEALD_SEAL_SHM);
	assert_int_equal(node.gap_start, 0);
	assert_int_equal(node.gap_end, set.list[0].start);
}

static void widest_gap(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	struct mseald_node node;

	(void)state;
	/* two touching seals have no gap between: the one below is used */
	add(&set, pages(100, 110, MPROTECT));
	add(&set, pages(110, 120, UNMAP));
	assert_int_equal(sealset_encode(&set, &node, 1), 0);
	assert_int_equal(node.gap_start, 0);
	assert_int_equal(node.gap_end, 100 * PAGE);
	/* narrow between, wider below */
	add(&set, pages(125, 126, MPROTECT));
	assert_int_equal(sealset_encode(&set, &node, 1), 0);
	assert_int_equal(node.gap_start, 0);
	assert_int_equal(node.gap_end, 100 * PAGE);
	/* narrow between, narrower below; of two equal gaps the first is used */
	add(&set, pages(2, 95, MPROTECT));
	add(&set, pages(131, 132, MPROTECT));
	assert_int_equal(sealset_encode(&set, &node, 1), 0);
	assert_int_equal(node.gap_start, 95 * PAGE);
	assert_int_equal(node.gap_end, 100 * PAGE);
	/* a gap of a terabyte is used whatever is below */
	add(&set, pages(132 + (1ULL << 28), 133 + (1ULL << 28), MPROTECT));
	assert_int_equal(sealset_encode(&set, &node, 1), 0);
	assert_int_equal(node.gap_start, 132 * PAGE);
	assert_int_equal(node.gap_end, (132 + (1ULL << 28)) * PAGE);
}

static void encode_refuses(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	struct mseald_node nodes[4];

	(void)state;
	assert_int_equal(sealset_nodes_needed(MSEALD_MAX_SEALS + 1, 0), -E2BIG);
	assert_int_equal(sealset_nodes_needed(SIZE_MAX, 0), -E2BIG);
	assert_int_equal(sealset_encode(&set, nodes, 1), -EINVAL);
	random_state = 5;
	big_set(&set, 33);
	assert_int_equal(sealset_encode(&set, nodes, 2), -EINVAL);
	assert_int_equal(sealset_encode(&set, nodes, 4), -EINVAL);
	sealset_free(&set);
	big_set(&set, MSEALD_MAX_SEALS + 1);
	assert_int_equal(sealset_encode(&set, nodes, 4), -E2BIG);
}

static void decode_refuses(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	struct sealset back = { .count = 9 };
	struct mseald_node good[3], bad[3];

	(void)state;
	random_state = 6;
	big_set(&set, 40);
	assert_int_equal(sealset_encode(&set, good, 3), 0);

#define REFUSED(spoil) \
	do { \
		memcpy(bad, good, sizeof(bad)); \
		spoil; \
		assert_int_equal(sealset_decode(bad, 3, &back), -EBADMSG); \
		assert_int_equal(back.count, 9); \
		assert_null(back.list); \
	} while (0)

	REFUSED(bad[0].count--);
	REFUSED(bad[0].count++);
	REFUSED(bad[0].count = 0);
	REFUSED(bad[0].count = UINT32_MAX);
	REFUSED(bad[0].depth = 0);
	REFUSED(bad[0].depth = 2);
	REFUSED(bad[0].deny ^= 1);
	REFUSED(bad[0].flags = 1);
	REFUSED(bad[0].pooled = 2);
	REFUSED(bad[0].gap_end += PAGE);
	REFUSED(bad[0].start[1] += PAGE);
	REFUSED(bad[0].start[2] = 0);
	REFUSED(bad[1].count = 1);
	REFUSED(bad[1].start[3]++);
	REFUSED(bad[1].start[3] = bad[1].start[2]);
	REFUSED(bad[1].end[3] = bad[1].start[3]);
	REFUSED(bad[1].end[3] = bad[1].start[4] + PAGE);
	REFUSED(bad[1].rule[3] = 0);
	REFUSED(bad[1].rule[3] |= 0x20);
	REFUSED(bad[1].rule[3] |= 0xffull << MSEALD_RULE_SEGMENT_SHIFT);
	REFUSED(bad[1].rule[3] |= 0x80ull << MSEALD_RULE_FLAGS_SHIFT);
	REFUSED(bad[1].pgoff[3] = 1);
	REFUSED(bad[2].start[8] = bad[2].end[7]);
	REFUSED(bad[2].end[8] = 1);
	REFUSED(bad[2].hits[8] = 1);
#undef REFUSED

	assert_int_equal(sealset_decode(good, 2, &back), -EBADMSG);
	assert_int_equal(sealset_decode(good, 1, &back), -EBADMSG);
	assert_int_equal(back.count, 9);
	/* Hits are counted by the programs at any time. */
	good[1].hits[3] = 12345;
	assert_int_equal(sealset_decode(good, 3, &back), 0);
	assert_int_equal(back.list[3].hits, 12345);
	assert_true(sealset_equal(&set, &back));
	sealset_free(&back);
	/* A label may be any number, and stays with the set. */
	good[0].label = 0x1234567890abcdef;
	assert_int_equal(sealset_decode(good, 3, &back), 0);
	assert_int_equal(back.label, 0x1234567890abcdef);
	assert_false(sealset_equal(&set, &back));
	sealset_free(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_of_every_depth),
		cmocka_unit_test(files_of_seals),
		cmocka_unit_test(rule_bits),
		cmocka_unit_test(widest_gap),
		cmocka_unit_test(encode_refuses),
		cmocka_unit_test(decode_refuses),
	};

	return RUN_ON_PAGE_SIZES("sealset tree", tests);
}
