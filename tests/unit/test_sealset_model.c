/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user/daemon/seal/sealset.c: random operations, against a model with one entry per page. Seeds are fixed. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(one_by_one_or_at_once),
	};

	return RUN_ON_PAGE_SIZES("sealset model", tests);
}
