/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seals and seal sets for tests, by hand or random with a fixed seed; include cmocka.h first. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "seal/sealset.h"
#include "lib/base/util.h"

#define PAGE page_size()
#define MPROTECT MSEALD_DENY_MPROTECT
#define UNMAP MSEALD_DENY_UNMAP
#define DISCARD MSEALD_DENY_DISCARD
#define FOREIGN MSEALD_DENY_FOREIGN_WRITE

/* xorshift64*: the same numbers on every machine. */
static uint64_t random_state;

static inline uint64_t random_below(uint64_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1dull >> 16) % limit;
}

/* The address of an inode, as in the kernel. */
#define INODE(i) (0xffff888000000000ull + (i)*0x400)

/* Pages first..after, sealed permanently with this deny mask. */
static inline struct seal pages(uint64_t first, uint64_t after, unsigned deny)
{
	return (struct seal){ .start = first * PAGE,
			      .end = after * PAGE,
			      .permanent[MSEALD_ACTION_DENY] = (uint8_t)deny };
}

static inline void add(struct sealset *set, struct seal seal)
{
	assert_int_equal(sealset_add_all(set, &seal, 1), 0);
}

/* Encoded and decoded it is the same. */
static inline void assert_roundtrip(const struct sealset *set)
{
	_cleanup_(sealset_free) struct sealset back = { 0 };
	_cleanup_free_ struct mseald_node *nodes = NULL;
	_cleanup_free_ struct sealset_file *files = NULL;
	size_t file_count;
	int needed;

	assert_int_equal(sealset_files(set, MSEALD_DENY_FILE, &files, &file_count), 0);
	needed = sealset_nodes_needed(set->count, file_count);

	assert_true(needed >= 0);
	nodes = malloc((size_t)(needed ? needed : 1) * sizeof(*nodes));
	assert_non_null(nodes);
	memset(nodes, 0xa5, (size_t)needed * sizeof(*nodes));
	assert_int_equal(sealset_encode(set, nodes, (size_t)needed), 0);
	assert_int_equal(sealset_decode(nodes, (size_t)needed, &back), 0);
	assert_true(sealset_equal(set, &back));
	for (size_t i = 0; i < set->count; i++)
		assert_int_equal(set->list[i].hits, back.list[i].hits);
}
