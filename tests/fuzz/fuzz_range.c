/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * User input: the same text as a range, a list of segments and a list of deny bits; the same bytes as ranges
 * to be sorted. Accepted input is written out and must read back the same.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/names.h"
#include "lib/base/range.h"
#include "lib/base/util.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_range(const char *text)
{
	struct range range = { 1, 2 }, again;
	char buf[RANGE_TEXT_MAX];
	int r = range_parse(text, &range);

	if (r < 0) {
		CHECK((r == -EINVAL || r == -ERANGE) && range.start == 1 && range.end == 2);
		return;
	}
	CHECK(range.start < range.end);
	CHECK(range_parse(range_format(&range, buf), &again) == 0);
	CHECK(again.start == range.start && again.end == range.end);
}

static void try_list(const char *text, int (*parse)(const char *, unsigned *, char **),
		     const char *(*format)(unsigned, char *, size_t), unsigned all)
{
	_cleanup_free_ char *bad = NULL;
	unsigned mask = 0x8000, again = 0;
	char buf[64];

	if (parse(text, &mask, &bad) < 0) {
		CHECK(mask == 0x8000 && bad && (bad[0] == '\0' || strstr(text, bad)));
		return;
	}
	CHECK(!bad && mask != 0 && (mask & ~all) == 0);
	CHECK(parse(format(mask, buf, sizeof(buf)), &again, NULL) == 0 && again == mask);
}

static bool ranges_hold(const struct range *ranges, size_t count, uint64_t address)
{
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].start <= address && address < ranges[i].end)
			return true;
	}
	return false;
}

/* Every byte 0..255 is in the ranges afterwards exactly if it was before. */
static void try_normalize(const uint8_t *data, size_t size)
{
	struct range ranges[16], before[16];
	size_t count = MIN_OF(size / 2, ELEMENTS(ranges)), after;

	for (size_t i = 0; i < count; i++)
		before[i] = ranges[i] = (struct range){ data[2 * i], data[2 * i + 1] };
	after = ranges_normalize(ranges, count);
	CHECK(after <= count);
	for (size_t i = 0; i < after; i++)
		CHECK(ranges[i].start < ranges[i].end && (i == 0 || ranges[i - 1].end < ranges[i].start));
	for (uint64_t address = 0; address < 256; address++)
		CHECK(ranges_hold(ranges, after, address) == ranges_hold(before, count, address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	try_range(text);
	try_list(text, names_parse_segments, names_format_segments, MSEALD_SEGMENTS_ALL);
	try_list(text, names_parse_deny, names_format_deny, MSEALD_DENY_ALL);
	try_normalize(data, size);
	return 0;
}
