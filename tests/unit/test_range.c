/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user/lib/base/range.c: the exact textual form, and sorting of ranges. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/range.h"
#include "lib/base/util.h"

static void good_ranges(void **state)
{
	static const struct {
		const char *text;
		uint64_t start, end;
	} good[] = {
		{ "0x1000-0x2000", 0x1000, 0x2000 },
		{ "0x0-0x1", 0, 1 },
		{ "0x7F12a000-0x7f12B000", 0x7f12a000, 0x7f12b000 },
		{ "0x1000+0x1000", 0x1000, 0x2000 },
		{ "0x1000+4096", 0x1000, 0x2000 },
		{ "0x1000+4K", 0x1000, 0x2000 },
		{ "0x1000+0x10K", 0x1000, 0x5000 },
		{ "0x1000+2M", 0x1000, 0x201000 },
		{ "0x1000+1G", 0x1000, 0x40001000 },
		{ "0x1+010", 1, 11 },
		{ "0x0-0xffffffffffffffff", 0, UINT64_MAX },
		{ "0x1+0xfffffffffffffffe", 1, UINT64_MAX },
		{ "0x00000000000000000000001000-0x2000", 0x1000, 0x2000 },
		{ "0x0+17179869183G", 0, 17179869183ull << 30 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(good); i++) {
		struct range range = { 0 };

		assert_int_equal(range_parse(good[i].text, &range), 0);
		assert_int_equal(range.start, good[i].start);
		assert_int_equal(range.end, good[i].end);
	}
}

static void bad_ranges(void **state)
{
	static const struct {
		const char *text;
		int error;
	} bad[] = {
		{ "", -EINVAL },
		{ "0x1000", -EINVAL },
		{ "0x1000-", -EINVAL },
		{ "0x1000-0x", -EINVAL },
		{ "0x1000+", -EINVAL },
		{ "0x-0x1000", -EINVAL },
		{ "-0x1000", -EINVAL },
		{ "1000-2000", -EINVAL },
		{ "0x1000-2000", -EINVAL },
		{ "0X1000-0X2000", -EINVAL },
		{ " 0x1000-0x2000", -EINVAL },
		{ "0x1000-0x2000 ", -EINVAL },
		{ "0x1000 -0x2000", -EINVAL },
		{ "0x1000--0x2000", -EINVAL },
		{ "0x1000+-4096", -EINVAL },
		{ "0x1000++4096", -EINVAL },
		{ "0x1000+4k", -EINVAL },
		{ "0x1000+4KB", -EINVAL },
		{ "0x1000+K", -EINVAL },
		{ "0x1000+4T", -EINVAL },
		{ "0x1000-0x2000K", -EINVAL },
		{ "0x1000+10f", -EINVAL },
		{ "0x1000,0x2000", -EINVAL },
		/* empty, reversed */
		{ "0x1000-0x1000", -EINVAL },
		{ "0x1000+0", -EINVAL },
		{ "0x2000-0x1000", -EINVAL },
		/* beyond 64 bits, and malformed beyond 64 bits */
		{ "0x10000000000000000-0x20000000000000000", -ERANGE },
		{ "0x1000-0x10000000000000000", -ERANGE },
		{ "0x1+0xffffffffffffffff", -ERANGE },
		{ "0x0+18446744073709551616", -ERANGE },
		{ "0x0+17179869184G", -ERANGE },
		{ "0x10000000000000000-", -EINVAL },
		{ "0x10000000000000000-0x1z", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		struct range range = { 11, 22 };

		if (range_parse(bad[i].text, &range) != bad[i].error)
			fail_msg("\"%s\" was taken, or refused with another error", bad[i].text);
		assert_int_equal(range.start, 11);
		assert_int_equal(range.end, 22);
	}
}

static void formatted(void **state)
{
	const struct range widest = { UINT64_MAX - 1, UINT64_MAX }, range = { 0x7f12a000, 0x7f12b000 };
	char buf[RANGE_TEXT_MAX];
	struct range back;

	(void)state;
	assert_ptr_equal(range_format(&range, buf), buf);
	assert_string_equal(buf, "0x7f12a000-0x7f12b000");
	assert_string_equal(range_format(&widest, buf), "0xfffffffffffffffe-0xffffffffffffffff");
	assert_int_equal(range_parse(buf, &back), 0);
	assert_memory_equal(&back, &widest, sizeof(back));
}

static void normalized(void **state)
{
	struct range ranges[] = {
		{ 50, 60 }, { 10, 20 }, { 20, 30 }, /* touch */
		{ 55, 58 },			    /* inside another */
		{ 59, 70 },			    /* overlaps */
		{ 80, 80 }, { 99, 90 },		    /* empty */
		{ 71, 72 },			    /* one short of touching */
		{ 10, 20 },			    /* twice */
	};
	const struct range expected[] = { { 10, 30 }, { 50, 70 }, { 71, 72 } };
	struct range extremes[] = { { 5, UINT64_MAX }, { 0, 5 } };
	struct range empty[] = { { 7, 7 } };

	(void)state;
	assert_int_equal(ranges_normalize(ranges, ELEMENTS(ranges)), ELEMENTS(expected));
	assert_memory_equal(ranges, expected, sizeof(expected));
	assert_int_equal(ranges_normalize(extremes, 2), 1);
	assert_int_equal(extremes[0].start, 0);
	assert_int_equal(extremes[0].end, UINT64_MAX);
	assert_int_equal(ranges_normalize(empty, 1), 0);
	assert_int_equal(ranges_normalize(NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ranges),
		cmocka_unit_test(bad_ranges),
		cmocka_unit_test(formatted),
		cmocka_unit_test(normalized),
	};

	return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
