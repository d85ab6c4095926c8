/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Six bytes are one operation on a seal set: add, collect for add_all, revoke, or spoil the encoded nodes. A
 * model keeps deny bits page by page. After each operation every page must be judged the same, and decoding
 * must reverse encoding.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "seal/sealset.h"
#include "lib/base/util.h"
#include "../unit/sealset_judge.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define PAGE 4096ull
#define PAGES 64u
#define MOST_OPERATIONS 200u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct page {
	uint8_t permanent[MSEALD_ACTION_COUNT], revocable[MSEALD_ACTION_COUNT];
};

static uint64_t first_page(const uint8_t *op)
{
	return op[1] % PAGES;
}

static uint64_t after_page(const uint8_t *op)
{
	return MIN_OF(first_page(op) + 1 + op[2] % 16, PAGES);
}

static struct seal seal_of(const uint8_t *op)
{
	struct seal seal = {
		.start = first_page(op) * PAGE,
		.end = after_page(op) * PAGE,
		.segment = op[3] >> 4 & 3,
		.flags = op[3] >> 7 & MSEALD_SEAL_SHM,
		.hits = op[5],
		.pgoff = op[5],
	};
	uint8_t deny = op[4] & MSEALD_DENY_ALL;

	if (op[3] & 4)
		seal.permanent[op[3] % 4 % MSEALD_ACTION_COUNT] = deny;
	else
		seal.revocable[op[3] % 4 % MSEALD_ACTION_COUNT] = deny;
	if (op[4] >> 5 && deny & MSEALD_DENY_FILE)
		seal.file = (struct mseald_inode){ .address = 0xffff888000000000ull + 64ull * (op[4] >> 5),
						   .number = op[4] >> 5 };
	return seal;
}

static void model_add(struct page *model, const struct seal *seal)
{
	for (uint64_t i = seal->start / PAGE; i < seal->end / PAGE; i++) {
		for (size_t a = 0; a < MSEALD_ACTION_COUNT; a++) {
			model[i].permanent[a] |= seal->permanent[a];
			model[i].revocable[a] |= seal->revocable[a];
		}
	}
}

static int model_judge(const struct page *page, unsigned bit)
{
	static const int strongest_first[] = { MSEALD_ACTION_KILL, MSEALD_ACTION_DENY, MSEALD_ACTION_AUDIT };

	for (size_t i = 0; i < ELEMENTS(strongest_first); i++) {
		if ((page->permanent[strongest_first[i]] | page->revocable[strongest_first[i]]) & bit)
			return strongest_first[i];
	}
	return -ENOENT;
}

static void check(const struct sealset *set, const struct page *model)
{
	for (size_t i = 0; i < set->count; i++) {
		CHECK(set->list[i].start < set->list[i].end);
		CHECK(i == 0 || set->list[i - 1].end <= set->list[i].start);
	}
	for (uint64_t i = 0; i < PAGES; i++) {
		for (unsigned bit = 1; bit & MSEALD_DENY_ALL; bit <<= 1)
			CHECK(sealset_judge(set, i * PAGE, (i + 1) * PAGE, bit, NULL) ==
			      model_judge(&model[i], bit));
	}
}

/*
 * Encodes and decodes. With a spoiled byte the result must be refused, or be a set that encodes to the same
 * nodes, or be marked as of the pool.
 */
static void roundtrip(const struct sealset *set, const uint8_t *op, bool spoil)
{
	_cleanup_(sealset_free) struct sealset back = { 0 };
	_cleanup_free_ struct mseald_node *nodes = NULL, *again = NULL;
	_cleanup_free_ struct sealset_file *files = NULL;
	size_t file_count = 0, count, bytes;
	int needed, r;

	CHECK(sealset_files(set, MSEALD_DENY_FILE, &files, &file_count) == 0);
	needed = sealset_nodes_needed(set->count, file_count);
	CHECK(needed >= 0);
	count = (size_t)needed;
	bytes = count * sizeof(*nodes);
	if (needed == 0)
		return;
	nodes = malloc(bytes);
	again = malloc(bytes);
	CHECK(nodes && again);
	CHECK(sealset_encode(set, nodes, count) == 0);
	if (spoil)
		((uint8_t *)nodes)[(op[1] | op[2] << 8) % bytes] ^= op[3];
	r = sealset_decode(nodes, count, &back);
	if (r < 0) {
		CHECK(spoil && r == -EBADMSG && !back.list);
		return;
	}
	CHECK(spoil || sealset_equal(set, &back));
	/* BPF programs fill sets of the pool in another order. */
	if (nodes[0].pooled)
		return;
	CHECK(sealset_encode(&back, again, count) == 0 && memcmp(nodes, again, bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	struct page model[PAGES] = { 0 };
	struct seal collected[16];
	size_t count = 0;

	for (size_t n = 0; n < MOST_OPERATIONS && size >= 6; n++, data += 6, size -= 6) {
		struct seal seal = seal_of(data);
		bool empty = (data[4] & MSEALD_DENY_ALL) == 0;

		switch (data[0] % 5) {
		case 0:
			CHECK(sealset_add_all(&set, &seal, 1) == (empty ? -EINVAL : 0));
			model_add(model, &seal);
			break;
		case 1:
			if (!empty && count < ELEMENTS(collected))
				collected[count++] = seal;
			continue;
		case 2:
			for (size_t i = 0; i < count; i++)
				model_add(model, &collected[i]);
			CHECK(sealset_add_all(&set, collected, count) == 0);
			count = 0;
			break;
		case 3:
			CHECK(sealset_revoke(&set, seal.start, seal.end, NULL, NULL) == 0);
			for (uint64_t i = first_page(data); i < after_page(data); i++)
				memset(model[i].revocable, 0, sizeof(model[i].revocable));
			break;
		default: roundtrip(&set, data, true); continue;
		}
		check(&set, model);
		roundtrip(&set, data, false);
	}
	return 0;
}
