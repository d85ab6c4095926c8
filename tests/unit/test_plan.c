/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user/daemon/seal/plan.c: requests that mseal(2) could answer as well, and the ranges to call it for. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "seal/plan.h" /* before cmocka.h, which has a macro fail() */
#include "lib/base/util.h"
#include "page_sizes.h"

#include <cmocka.h>

#define PAGE page_size()

static struct seal pages(uint64_t first, uint64_t after, unsigned flags)
{
	return (struct seal){ .start = first * PAGE,
			      .end = after * PAGE,
			      .flags = (uint8_t)flags,
			      .permanent[MSEALD_ACTION_DENY] = MSEALD_DENY_DEFAULT };
}

static bool native(const struct seal_request *request)
{
	struct seal seal = pages(1, 2, 0);
	const struct plan plan = { .seals = &seal, .count = 1 };
	const struct sealset none = {};
	struct range *ranges = NULL;
	size_t count = 99;
	bool is = plan_native_ranges(&plan, request, &none, &ranges, &count);

	if (is) {
		assert_int_equal(count, 1);
		assert_int_equal(ranges[0].start, PAGE);
		assert_int_equal(ranges[0].end, 2 * PAGE);
	} else {
		assert_null(ranges);
		assert_int_equal(count, 99);
	}
	free(ranges);
	return is;
}

static void requests(void **state)
{
	const unsigned whole = MSEALD_DENY_DEFAULT;

	(void)state;
	assert_true(
		native(&(struct seal_request){ .seal = { .deny = whole, .action = MSEALD_ACTION_DENY } }));
	assert_true(
		native(&(struct seal_request){ .seal = { .deny = whole, .action = MSEALD_ACTION_KILL } }));
	assert_true(native(
		&(struct seal_request){ .seal = { .deny = MSEALD_DENY_ALL, .action = MSEALD_ACTION_DENY } }));
	assert_false(
		native(&(struct seal_request){ .seal = { .deny = whole, .action = MSEALD_ACTION_AUDIT } }));
	assert_false(native(&(struct seal_request){
		.seal = { .deny = whole, .action = MSEALD_ACTION_DENY, .revocable = true } }));
	/* It denies all of these or nothing. */
	for (unsigned deny = 0; deny < MSEALD_DENY_DEFAULT; deny++)
		if ((deny & whole) != whole)
			assert_false(native(&(struct seal_request){
				.seal = { .deny = deny, .action = MSEALD_ACTION_DENY } }));
}

static void joined_and_sorted(void **state)
{
	struct seal seals[] = { pages(1, 2, 0), pages(2, 5, MSEALD_SEAL_ANON), pages(7, 8, 0),
				pages(8, 9, 0) };
	const struct plan plan = { .seals = seals, .count = ELEMENTS(seals) };
	const struct seal_request request = { .seal.deny = MSEALD_DENY_DEFAULT };
	const struct sealset none = {};
	struct range *ranges;
	size_t count;

	(void)state;
	assert_true(plan_native_ranges(&plan, &request, &none, &ranges, &count));
	assert_int_equal(count, 2);
	assert_int_equal(ranges[0].start, PAGE);
	assert_int_equal(ranges[0].end, 5 * PAGE);
	assert_int_equal(ranges[1].start, 7 * PAGE);
	assert_int_equal(ranges[1].end, 9 * PAGE);
	free(ranges);
}

/* Ranges that are already native are left out; a part is not enough. */
static void those_that_already_were(void **state)
{
	struct seal seals[] = { pages(1, 2, 0), pages(3, 5, 0), pages(6, 8, 0) };
	const struct plan plan = { .seals = seals, .count = ELEMENTS(seals) };
	const struct seal_request request = { .seal.deny = MSEALD_DENY_DEFAULT };
	struct seal had[] = { pages(1, 2, MSEALD_SEAL_NATIVE), pages(3, 4, MSEALD_SEAL_NATIVE),
			      pages(4, 5, 0), pages(6, 7, MSEALD_SEAL_NATIVE) };
	struct sealset have = {};
	struct range *ranges;
	size_t count;

	(void)state;
	assert_int_equal(sealset_add_all(&have, had, ELEMENTS(had)), 0);
	assert_true(plan_native_ranges(&plan, &request, &have, &ranges, &count));
	assert_int_equal(count, 2);
	assert_int_equal(ranges[0].start, 3 * PAGE);
	assert_int_equal(ranges[1].start, 6 * PAGE);
	free(ranges);
	had[2].flags = MSEALD_SEAL_NATIVE;
	had[3].end = 8 * PAGE;
	assert_int_equal(sealset_add_all(&have, had, ELEMENTS(had)), 0);
	assert_true(plan_native_ranges(&plan, &request, &have, &ranges, &count));
	assert_int_equal(count, 0);
	free(ranges);
	sealset_free(&have);
}

/* Whole pages of this machine; the message has the page size. */
static void ranges_of_whole_pages(void **state)
{
	struct range whole = { PAGE, 3 * PAGE }, part = { PAGE, 2 * PAGE + PAGE / 4 };
	struct seal_request request = { .pid = 1, .ranges = &whole, .count = 1 };
	struct error error = {};
	char wanted[64];

	(void)state;
	assert_int_equal(plan_check_ranges(&request, &error), 0);
	request.ranges = &part;
	assert_true(plan_check_ranges(&request, &error) < 0);
	(void)snprintf(wanted, sizeof(wanted), "must be multiples of %llu", (unsigned long long)PAGE);
	assert_non_null(strstr(error.message, wanted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(joined_and_sorted),
		cmocka_unit_test(those_that_already_were),
		cmocka_unit_test(ranges_of_whole_pages),
	};

	return RUN_ON_PAGE_SIZES("plan", tests);
}
