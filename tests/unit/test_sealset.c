/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user/daemon/seal/sealset.c: each rule of the header by hand, but for those of the tree. */
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

static struct seal revocable_pages(uint64_t first, uint64_t after, unsigned deny)
{
	return (struct seal){ .start = first * PAGE,
			      .end = after * PAGE,
			      .revocable[MSEALD_ACTION_DENY] = (uint8_t)deny };
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
		cmocka_unit_test(many_one_by_one),
		cmocka_unit_test(copies_are_apart),
		cmocka_unit_test(all_flagged),
	};

	return RUN_ON_PAGE_SIZES("sealset", tests);
}
