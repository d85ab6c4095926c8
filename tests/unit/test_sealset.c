/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * user/daemon/seal/sealset.c: each rule of the header by hand; a model with one entry per page, against
 * random operations; the tree searched as by the BPF programs, against sealset_judge. Seeds are fixed.
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

#define PAGE page_size()
#define MPROTECT MSEALD_DENY_MPROTECT
#define UNMAP MSEALD_DENY_UNMAP
#define DISCARD MSEALD_DENY_DISCARD
#define FOREIGN MSEALD_DENY_FOREIGN_WRITE

/* xorshift64*: the same numbers on every machine. */
static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1dull >> 16) % limit;
}

/* The address of an inode, as in the kernel. */
#define INODE(i) (0xffff888000000000ull + (i)*0x400)

/* Pages first..after, sealed permanently with this deny mask. */
static struct seal pages(uint64_t first, uint64_t after, unsigned deny)
{
	return (struct seal){ .start = first * PAGE,
			      .end = after * PAGE,
			      .permanent[MSEALD_ACTION_DENY] = (uint8_t)deny };
}

static struct seal revocable_pages(uint64_t first, uint64_t after, unsigned deny)
{
	return (struct seal){ .start = first * PAGE,
			      .end = after * PAGE,
			      .revocable[MSEALD_ACTION_DENY] = (uint8_t)deny };
}

static void add(struct sealset *set, struct seal seal)
{
	assert_int_equal(sealset_add_all(set, &seal, 1), 0);
}

/* The seal at this index of the set has this range and exactly this permanent deny mask. */
static void assert_seal(const struct sealset *set, size_t index, uint64_t first, uint64_t after,
			unsigned deny)
{
	assert_true(index < set->count);
	assert_int_equal(set->list[index].start, first * PAGE);
	assert_int_equal(set->list[index].end, after * PAGE);
	assert_int_equal(set->list[index].permanent[MSEALD_ACTION_DENY], deny);
}

static void nothing_in_it(void **state)
{
	struct sealset set = { 0 }, copy = { .count = 7 };
	const struct seal *hit = NULL;
	uint64_t bytes = 1, permanent = 1;

	(void)state;
	assert_int_equal(sealset_bytes(&set), 0);
	assert_int_equal(sealset_judge(&set, 0, UINT64_MAX, MPROTECT, &hit), -ENOENT);
	assert_int_equal(sealset_revoke(&set, 0, PAGE, &bytes, &permanent), 0);
	assert_int_equal(bytes + permanent, 0);
	assert_int_equal(sealset_add_all(&set, NULL, 0), 0);
	assert_int_equal(sealset_copy(&set, &copy), 0);
	assert_int_equal(copy.count, 0);
	assert_true(sealset_equal(&set, &copy));
	assert_null(hit);
	sealset_free(&set);
	sealset_free(NULL);
}

static void apart_touching_overlapping(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };

	(void)state;
	add(&set, pages(30, 40, MPROTECT));
	add(&set, pages(10, 20, MPROTECT));
	assert_int_equal(set.count, 2);
	assert_seal(&set, 0, 10, 20, MPROTECT);
	assert_seal(&set, 1, 30, 40, MPROTECT);
	/* touches, another rule: stays apart */
	add(&set, pages(20, 25, UNMAP));
	assert_int_equal(set.count, 3);
	/* the same rule: joined, on both sides */
	add(&set, pages(25, 30, UNMAP));
	assert_int_equal(set.count, 3);
	assert_seal(&set, 1, 20, 30, UNMAP);
	/* over parts of two: five pieces, and no denied operation becomes allowed */
	add(&set, pages(15, 25, DISCARD));
	assert_int_equal(set.count, 5);
	assert_seal(&set, 0, 10, 15, MPROTECT);
	assert_seal(&set, 1, 15, 20, MPROTECT | DISCARD);
	assert_seal(&set, 2, 20, 25, UNMAP | DISCARD);
	assert_seal(&set, 3, 25, 30, UNMAP);
	assert_seal(&set, 4, 30, 40, MPROTECT);
	/* over all and more, everything: one */
	add(&set, pages(5, 50, MSEALD_DENY_ALL));
	assert_int_equal(set.count, 1);
	assert_seal(&set, 0, 5, 50, MSEALD_DENY_ALL);
	/* inside, nothing new */
	add(&set, pages(7, 8, MPROTECT));
	assert_int_equal(set.count, 1);
	assert_int_equal(sealset_bytes(&set), 45 * PAGE);
}

static void newer_segment_wins_unless_none(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	struct seal seal = pages(10, 20, MPROTECT);

	(void)state;
	seal.segment = MSEALD_SEGMENT_TEXT;
	add(&set, seal);
	add(&set, pages(12, 14, MPROTECT));
	assert_int_equal(set.count, 1);
	assert_int_equal(set.list[0].segment, MSEALD_SEGMENT_TEXT);
	seal = pages(12, 14, MPROTECT);
	seal.segment = MSEALD_SEGMENT_DATA;
	add(&set, seal);
	assert_int_equal(set.count, 3);
	assert_int_equal(set.list[0].segment, MSEALD_SEGMENT_TEXT);
	assert_int_equal(set.list[1].segment, MSEALD_SEGMENT_DATA);
	assert_int_equal(set.list[2].segment, MSEALD_SEGMENT_TEXT);
}

static void hits_are_kept(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	struct seal seal = pages(10, 20, MPROTECT);

	(void)state;
	seal.hits = 5;
	add(&set, seal);
	/* sealed twice, wholly or in part: the number of attempts is unchanged */
	add(&set, pages(10, 20, MPROTECT));
	add(&set, pages(14, 16, MPROTECT));
	assert_int_equal(set.count, 1);
	assert_int_equal(set.list[0].hits, 5);
	add(&set, pages(14, 16, UNMAP));
	assert_int_equal(set.count, 3);
	assert_int_equal(set.list[0].hits, 5);
	assert_int_equal(set.list[1].hits, 0);
	assert_int_equal(set.list[2].hits, 0);
	/* joined: added up, up to the maximum */
	set.list[1].hits = 7;
	set.list[2].hits = UINT32_MAX - 6;
	add(&set, pages(10, 20, UNMAP));
	assert_int_equal(set.count, 1);
	assert_int_equal(set.list[0].hits, UINT32_MAX);
}

static void shm_offsets_continue(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	struct seal seal = pages(10, 20, UNMAP);

	(void)state;
	seal.flags = MSEALD_SEAL_SHM;
	seal.pgoff = 100;
	add(&set, seal);
	/* the next pages of the same segment: one seal */
	seal = pages(20, 30, UNMAP);
	seal.flags = MSEALD_SEAL_SHM;
	seal.pgoff = 110;
	add(&set, seal);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.list[0].pgoff, 100);
	/* another segment, attached directly after */
	seal = pages(30, 40, UNMAP);
	seal.flags = MSEALD_SEAL_SHM;
	add(&set, seal);
	assert_int_equal(set.count, 2);
	assert_int_equal(set.list[1].pgoff, 0);
	/* split: every piece has its own pgoff */
	add(&set, pages(25, 35, MPROTECT));
	assert_int_equal(set.count, 4);
	assert_int_equal(set.list[0].pgoff, 100);
	assert_int_equal(set.list[1].pgoff, 115);
	assert_int_equal(set.list[2].pgoff, 0);
	assert_int_equal(set.list[3].pgoff, 5);
	assert_int_equal(set.list[1].flags, MSEALD_SEAL_SHM);
	/* without the flag pgoff is cleared */
	seal = pages(50, 51, UNMAP);
	seal.pgoff = 9;
	add(&set, seal);
	assert_int_equal(set.list[4].pgoff, 0);
}

static void bad_seals(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	const struct seal good = pages(10, 20, MPROTECT);
	struct seal bad[11];
	size_t count = 0;

	(void)state;
	add(&set, good);
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		bad[i] = good;
	bad[count++].end = good.start;
	bad[count++].end = good.start - PAGE;
	bad[count++].start += 1;
	bad[count++].end += 2048;
	bad[count++].permanent[MSEALD_ACTION_DENY] = 0;
	bad[count++].permanent[MSEALD_ACTION_AUDIT] = 0x20;
	bad[count++].revocable[MSEALD_ACTION_KILL] = 0x80;
	bad[count++].segment = MSEALD_SEGMENT_COUNT;
	bad[count++].flags = MSEALD_SEAL_FLAGS + 1;
	bad[count++].end = MSEALD_NO_START + PAGE;
	bad[count++].file.address = INODE(1); /* nothing that is about its file */
	assert_int_equal(count, ELEMENTS(bad));
	for (size_t i = 0; i < count; i++) {
		const struct seal two[] = { pages(50, 60, UNMAP), bad[i] };

		if (sealset_add_all(&set, &bad[i], 1) != -EINVAL)
			fail_msg("bad seal %zu was taken, or refused with another error", i);
		/* all or none */
		assert_int_equal(sealset_add_all(&set, two, 2), -EINVAL);
		assert_int_equal(set.count, 1);
		assert_seal(&set, 0, 10, 20, MPROTECT);
	}
}

static void later_in_the_list_is_newer(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	struct seal list[5];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(list); i++) {
		list[i] = pages(10 - i, 20 - i, MPROTECT);
		list[i].segment = (uint8_t)(MSEALD_SEGMENT_TEXT + i);
	}
	add(&set, pages(0, 100, UNMAP));
	assert_int_equal(sealset_add_all(&set, list, ELEMENTS(list)), 0);
	assert_int_equal(set.count, 7);
	assert_seal(&set, 0, 0, 6, UNMAP);
	assert_seal(&set, 1, 6, 16, MPROTECT | UNMAP);
	assert_int_equal(set.list[1].segment, MSEALD_SEGMENT_TEXT + 4);
	assert_seal(&set, 2, 16, 17, MPROTECT | UNMAP);
	assert_int_equal(set.list[2].segment, MSEALD_SEGMENT_TEXT + 3);
	assert_int_equal(set.list[5].segment, MSEALD_SEGMENT_TEXT);
	assert_seal(&set, 6, 20, 100, UNMAP);
}

static void revoked(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	uint64_t bytes = 0, permanent = 0;

	(void)state;
	add(&set, revocable_pages(10, 20, MPROTECT));
	add(&set, pages(15, 30, UNMAP));
	assert_int_equal(set.count, 3);
	/* all of one, half of one, part of one that is permanent, and nothing */
	assert_int_equal(sealset_revoke(&set, 12 * PAGE, 40 * PAGE, &bytes, &permanent), 0);
	assert_int_equal(bytes, 8 * PAGE);
	assert_int_equal(permanent, 15 * PAGE);
	assert_int_equal(set.count, 2);
	assert_seal(&set, 0, 10, 12, 0);
	assert_int_equal(set.list[0].revocable[MSEALD_ACTION_DENY], MPROTECT);
	assert_seal(&set, 1, 15, 30, UNMAP); /* joined again */
	assert_int_equal(set.list[1].revocable[MSEALD_ACTION_DENY], 0);
	/* from the middle: two are left */
	add(&set, revocable_pages(50, 60, UNMAP));
	assert_int_equal(sealset_revoke(&set, 52 * PAGE, 53 * PAGE, &bytes, &permanent), 0);
	assert_int_equal(bytes, PAGE);
	assert_int_equal(permanent, 0);
	assert_int_equal(set.count, 4);
	assert_int_equal(set.list[2].end, 52 * PAGE);
	assert_int_equal(set.list[3].start, 53 * PAGE);
	/* a seal that only touches the range is unchanged */
	assert_int_equal(sealset_revoke(&set, 30 * PAGE, 50 * PAGE, &bytes, &permanent), 0);
	assert_int_equal(bytes + permanent, 0);
	assert_int_equal(set.count, 4);

	assert_int_equal(sealset_revoke(&set, 5, PAGE, &bytes, &permanent), -EINVAL);
	assert_int_equal(sealset_revoke(&set, PAGE, PAGE, &bytes, &permanent), -EINVAL);
	assert_int_equal(sealset_revoke(&set, 2 * PAGE, PAGE, &bytes, &permanent), -EINVAL);
	assert_int_equal(sealset_revoke(&set, 0, 100 * PAGE, NULL, NULL), 0);
	assert_int_equal(set.count, 1);
}

static void strongest_action(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };
	const struct seal *hit = NULL;
	struct seal seal = pages(10, 20, 0);

	(void)state;
	seal.permanent[MSEALD_ACTION_AUDIT] = MPROTECT | UNMAP;
	add(&set, seal);
	add(&set, pages(20, 30, MPROTECT));
	seal = pages(30, 40, 0);
	seal.revocable[MSEALD_ACTION_KILL] = MPROTECT;
	add(&set, seal);

	assert_int_equal(sealset_judge(&set, 10 * PAGE, 20 * PAGE, MPROTECT, &hit), MSEALD_ACTION_AUDIT);
	assert_ptr_equal(hit, &set.list[0]);
	assert_int_equal(sealset_judge(&set, 0, 21 * PAGE, MPROTECT, &hit), MSEALD_ACTION_DENY);
	assert_ptr_equal(hit, &set.list[1]);
	assert_int_equal(sealset_judge(&set, 0, UINT64_MAX, MPROTECT, &hit), MSEALD_ACTION_KILL);
	assert_ptr_equal(hit, &set.list[2]);
	assert_int_equal(sealset_judge(&set, 0, UINT64_MAX, UNMAP, NULL), MSEALD_ACTION_AUDIT);

	/* to the byte at either end, and empty ranges meet nothing */
	hit = NULL;
	assert_int_equal(sealset_judge(&set, 0, 10 * PAGE, MPROTECT, &hit), -ENOENT);
	assert_int_equal(sealset_judge(&set, 0, 10 * PAGE + 1, MPROTECT, NULL), MSEALD_ACTION_AUDIT);
	assert_int_equal(sealset_judge(&set, 40 * PAGE - 1, 41 * PAGE, MPROTECT, NULL), MSEALD_ACTION_KILL);
	assert_int_equal(sealset_judge(&set, 40 * PAGE, UINT64_MAX, MPROTECT, &hit), -ENOENT);
	assert_int_equal(sealset_judge(&set, 15 * PAGE, 15 * PAGE, MPROTECT, &hit), -ENOENT);
	assert_int_equal(sealset_judge(&set, 16 * PAGE, 15 * PAGE, MPROTECT, &hit), -ENOENT);
	assert_int_equal(sealset_judge(&set, 0, UINT64_MAX, DISCARD, &hit), -ENOENT);
	assert_null(hit);
	assert_int_equal(seal_deny(&set.list[2], MSEALD_ACTION_KILL), MPROTECT);
	assert_int_equal(seal_deny(&set.list[2], MSEALD_ACTION_DENY), 0);
}

/* --- the model: one entry per page --- */

#define MODEL_PAGES 96u

struct model {
	struct seal page[MODEL_PAGES]; /* start, end, hits: unused */
};

static bool model_sealed(const struct seal *page)
{
	for (unsigned i = 0; i < MSEALD_ACTION_COUNT; i++) {
		if (page->permanent[i] | page->revocable[i])
			return true;
	}
	return false;
}

static void model_add(struct model *model, const struct seal *seal)
{
	for (uint64_t i = seal->start / PAGE; i < seal->end / PAGE; i++) {
		struct seal *page = &model->page[i];

		for (unsigned a = 0; a < MSEALD_ACTION_COUNT; a++) {
			page->permanent[a] |= seal->permanent[a];
			page->revocable[a] |= seal->revocable[a];
		}
		if (seal->segment)
			page->segment = seal->segment;
		if (seal->flags & MSEALD_SEAL_SHM)
			page->pgoff = seal->pgoff + (uint32_t)(i - seal->start / PAGE);
		page->flags |= seal->flags;
		if (seal->file.address)
			page->file = seal->file;
	}
}

static void model_revoke(struct model *model, uint64_t start, uint64_t end, uint64_t *ret_bytes,
			 uint64_t *ret_permanent)
{
	*ret_bytes = *ret_permanent = 0;
	for (uint64_t i = start / PAGE; i < end / PAGE; i++) {
		struct seal *page = &model->page[i];
		bool was = model_sealed(page),
		     taken = page->revocable[0] | page->revocable[1] | page->revocable[2];

		memset(page->revocable, 0, sizeof(page->revocable));
		*ret_bytes += taken ? PAGE : 0;
		*ret_permanent += model_sealed(page) ? PAGE : 0;
		if (!((page->permanent[0] | page->permanent[1] | page->permanent[2]) & MSEALD_DENY_FILE))
			memset(&page->file, 0, sizeof(page->file));
		if (was && !model_sealed(page))
			memset(page, 0, sizeof(*page));
	}
}

static int model_judge(const struct model *model, uint64_t start, uint64_t end, unsigned bit,
		       uint64_t *ret_page)
{
	static const int actions[] = { MSEALD_ACTION_KILL, MSEALD_ACTION_DENY, MSEALD_ACTION_AUDIT };

	for (size_t a = 0; a < ELEMENTS(actions); a++) {
		for (uint64_t i = 0; i < MODEL_PAGES; i++) {
			const struct seal *page = &model->page[i];

			if (i * PAGE < end && (i + 1) * PAGE > start &&
			    (page->permanent[actions[a]] | page->revocable[actions[a]]) & bit) {
				*ret_page = i * PAGE;
				return actions[a];
			}
		}
	}
	return -ENOENT;
}

/* Every page is as in the model; sorted, disjoint, and no two seals could be joined. */
static void assert_as_model(const struct sealset *set, const struct model *model)
{
	size_t at = 0;

	for (uint64_t i = 0; i < MODEL_PAGES; i++) {
		const struct seal *page = &model->page[i], *seal;

		while (at < set->count && set->list[at].end <= i * PAGE)
			at++;
		seal = at < set->count && set->list[at].start <= i * PAGE ? &set->list[at] : NULL;
		assert_int_equal(seal != NULL, model_sealed(page));
		if (!seal)
			continue;
		assert_memory_equal(seal->permanent, page->permanent, sizeof(page->permanent));
		assert_memory_equal(seal->revocable, page->revocable, sizeof(page->revocable));
		assert_int_equal(seal->segment, page->segment);
		assert_int_equal(seal->flags, page->flags);
		assert_memory_equal(&seal->file, &page->file, sizeof(page->file));
		assert_int_equal(seal->flags ? seal->pgoff + (i - seal->start / PAGE) : seal->pgoff,
				 page->pgoff);
	}
	for (size_t i = 0; i < set->count; i++) {
		const struct seal *s = &set->list[i], *before = s - 1;

		assert_true(s->start < s->end && s->end <= MODEL_PAGES * PAGE);
		if (i == 0)
			continue;
		assert_true(before->end <= s->start);
		assert_false(before->end == s->start && before->segment == s->segment &&
			     before->flags == s->flags &&
			     memcmp(before->permanent, s->permanent, sizeof(s->permanent)) == 0 &&
			     memcmp(&before->file, &s->file, sizeof(s->file)) == 0 &&
			     memcmp(before->revocable, s->revocable, sizeof(s->revocable)) == 0 &&
			     (!s->flags || s->pgoff == before->pgoff + (s->start - before->start) / PAGE));
	}
}

static struct seal random_seal(void)
{
	uint64_t first = random_below(MODEL_PAGES),
		 length = 1 + random_below(random_below(4) ? 6 : MODEL_PAGES);
	struct seal seal = {
		.start = first * PAGE,
		.end = MIN_OF(first + length, MODEL_PAGES) * PAGE,
		.segment = (uint8_t)(random_below(3) ? 0 : random_below(3)),
	};
	unsigned action = (unsigned)random_below(MSEALD_ACTION_COUNT);

	/* Few different rules, so that neighbours often agree. */
	if (random_below(2))
		seal.permanent[action] = (uint8_t)(1 + random_below(2));
	else
		seal.revocable[action] = (uint8_t)(1 + random_below(2));
	if (random_below(8) == 0) {
		seal.flags = MSEALD_SEAL_SHM;
		seal.pgoff = (uint32_t)(first + random_below(2));
	}
	if (random_below(3) == 0) {
		uint64_t i = random_below(40);

		seal.permanent[action] |= random_below(2) ? MSEALD_DENY_DISCARD : MSEALD_DENY_FILE_WRITE;
		seal.file = (struct mseald_inode){ .address = INODE(i), .number = i };
	}
	return seal;
}

static void assert_roundtrip(const struct sealset *set)
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

static void random_operations(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		_cleanup_(sealset_free) struct sealset set = { 0 };
		struct model model = { 0 };

		random_state = seed;
		for (unsigned step = 0; step < 150; step++) {
			struct seal list[12];
			uint64_t start = random_below(MODEL_PAGES) * PAGE, taken, permanent, page = 0;
			uint64_t end = start + (1 + random_below(MODEL_PAGES - start / PAGE)) * PAGE;
			uint64_t expected_taken, expected_permanent;
			size_t count = random_below(ELEMENTS(list) + 1);
			const struct seal *hit = NULL;
			unsigned bit = 1u << random_below(3);
			int expected;

			switch (random_below(4)) {
			case 0:
				list[0] = random_seal();
				model_add(&model, &list[0]);
				add(&set, list[0]);
				break;
			case 1:
				for (size_t i = 0; i < count; i++) {
					list[i] = random_seal();
					model_add(&model, &list[i]);
				}
				assert_int_equal(sealset_add_all(&set, list, count), 0);
				break;
			case 2:
				model_revoke(&model, start, end, &expected_taken, &expected_permanent);
				assert_int_equal(sealset_revoke(&set, start, end, &taken, &permanent), 0);
				assert_int_equal(taken, expected_taken);
				assert_int_equal(permanent, expected_permanent);
				break;
			default:
				start += random_below(PAGE);
				end -= random_below(PAGE);
				expected = start < end ? model_judge(&model, start, end, bit, &page) :
							 -ENOENT;
				assert_int_equal(sealset_judge(&set, start, end, bit, &hit), expected);
				if (expected >= 0)
					assert_true(hit->start <= page && page < hit->end);
				if (expected >= 0 && hit->start < page)
					assert_true(start > hit->start);
				continue;
			}
			assert_as_model(&set, &model);
			assert_roundtrip(&set);
		}
	}
}

/* One at a time, or all at once: the same set. */
static void one_by_one_or_at_once(void **state)
{
	(void)state;
	for (uint64_t seed = 100; seed < 130; seed++) {
		_cleanup_(sealset_free) struct sealset single = { 0 }, at_once = { 0 };
		struct seal list[200];

		random_state = seed;
		for (size_t i = 0; i < ELEMENTS(list); i++) {
			list[i] = random_seal();
			add(&single, list[i]);
		}
		assert_int_equal(sealset_add_all(&at_once, list, ELEMENTS(list)), 0);
		assert_true(sealset_equal(&single, &at_once));
	}
}

/* --- the tree --- */

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

/* 10,000 seals one at a time, in the worst order for a sorted list. */
static void many_one_by_one(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 };

	(void)state;
	for (uint64_t i = 10000; i > 0; i--)
		add(&set, pages(2 * i, 2 * i + 1, MPROTECT));
	assert_int_equal(set.count, 10000);
	for (uint64_t i = 10000; i > 0; i--)
		add(&set, pages(2 * i + 1, 2 * i + 2, MPROTECT));
	assert_int_equal(set.count, 1);
	assert_seal(&set, 0, 2, 20002, MPROTECT);
}

static void copies_are_apart(void **state)
{
	_cleanup_(sealset_free) struct sealset set = { 0 }, copy = { 0 };

	(void)state;
	add(&set, pages(10, 20, MPROTECT));
	assert_int_equal(sealset_copy(&set, &copy), 0);
	assert_true(sealset_equal(&set, &copy));
	copy.list[0].hits = 3;
	assert_true(sealset_equal(&set, &copy));
	add(&copy, pages(15, 16, UNMAP));
	assert_int_equal(set.count, 1);
	assert_false(sealset_equal(&set, &copy));
	add(&set, pages(12, 13, UNMAP));
	assert_false(sealset_equal(&set, &copy));
}

/* Is the whole range flagged? Holes, borders, and pieces without the flag matter. */
static void all_flagged(void **state)
{
	struct sealset set = {};
	struct seal flagged = pages(10, 12, UNMAP), other = pages(14, 15, UNMAP);

	(void)state;
	assert_false(sealset_all_flagged(&set, PAGE, 2 * PAGE, MSEALD_SEAL_NATIVE));
	flagged.flags = MSEALD_SEAL_NATIVE;
	add(&set, flagged);
	flagged.start = 12 * PAGE;
	flagged.end = 14 * PAGE;
	flagged.flags = MSEALD_SEAL_NATIVE | MSEALD_SEAL_ANON; /* another seal, right behind it */
	add(&set, flagged);
	add(&set, other);
	flagged.start = 15 * PAGE;
	flagged.end = 16 * PAGE;
	add(&set, flagged);
	assert_true(sealset_all_flagged(&set, 10 * PAGE, 14 * PAGE, MSEALD_SEAL_NATIVE));
	assert_true(sealset_all_flagged(&set, 11 * PAGE, 13 * PAGE, MSEALD_SEAL_NATIVE));
	assert_true(sealset_all_flagged(&set, 10 * PAGE, 11 * PAGE, MSEALD_SEAL_NATIVE | MSEALD_SEAL_SHM));
	assert_true(sealset_all_flagged(&set, 15 * PAGE, 16 * PAGE, MSEALD_SEAL_NATIVE));
	/* begins before */
	assert_false(sealset_all_flagged(&set, 9 * PAGE, 11 * PAGE, MSEALD_SEAL_NATIVE));
	assert_false(sealset_all_flagged(&set, 13 * PAGE, 15 * PAGE,
					 MSEALD_SEAL_NATIVE)); /* runs into one without */
	assert_false(
		sealset_all_flagged(&set, 13 * PAGE, 16 * PAGE, MSEALD_SEAL_NATIVE)); /* one without amid */
	assert_false(sealset_all_flagged(&set, 15 * PAGE, 17 * PAGE, MSEALD_SEAL_NATIVE)); /* runs out */
	assert_false(sealset_all_flagged(&set, 14 * PAGE, 15 * PAGE, MSEALD_SEAL_NATIVE));
	assert_false(
		sealset_all_flagged(&set, 10 * PAGE, 13 * PAGE, MSEALD_SEAL_ANON)); /* the first has it not */
	sealset_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_in_it),
		cmocka_unit_test(apart_touching_overlapping),
		cmocka_unit_test(newer_segment_wins_unless_none),
		cmocka_unit_test(hits_are_kept),
		cmocka_unit_test(shm_offsets_continue),
		cmocka_unit_test(bad_seals),
		cmocka_unit_test(later_in_the_list_is_newer),
		cmocka_unit_test(revoked),
		cmocka_unit_test(strongest_action),
		cmocka_unit_test(random_operations),
		cmocka_unit_test(one_by_one_or_at_once),
		cmocka_unit_test(trees_of_every_depth),
		cmocka_unit_test(files_of_seals),
		cmocka_unit_test(rule_bits),
		cmocka_unit_test(widest_gap),
		cmocka_unit_test(encode_refuses),
		cmocka_unit_test(decode_refuses),
		cmocka_unit_test(many_one_by_one),
		cmocka_unit_test(copies_are_apart),
		cmocka_unit_test(all_flagged),
	};

	return RUN_ON_PAGE_SIZES("sealset", tests);
}
