/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Address ranges as text, and sorted lists of ranges. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/range.h"

/*
 * Reads the digits at *text and steps over them. False if there are none. A number of more than 64 bits is
 * read to its end and sets *too_big, so that a malformed rest is still found.
 */
static bool number_read(const char **text, unsigned base, uint64_t *ret, bool *too_big)
{
	const char *at = *text;
	uint64_t value = 0;

	for (;; at++) {
		unsigned digit;

		if (*at >= '0' && *at <= '9')
			digit = (unsigned)(*at - '0');
		else if (base == 16 && *at >= 'a' && *at <= 'f')
			digit = (unsigned)(*at - 'a') + 10;
		else if (base == 16 && *at >= 'A' && *at <= 'F')
			digit = (unsigned)(*at - 'A') + 10;
		else
			break;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			*too_big = true;
	}
	if (at == *text)
		return false;
	*text = at;
	*ret = value;
	return true;
}

static bool prefix_read(const char **text)
{
	if ((*text)[0] != '0' || (*text)[1] != 'x')
		return false;
	*text += 2;
	return true;
}

static bool address_read(const char **text, uint64_t *ret, bool *too_big)
{
	return prefix_read(text) && number_read(text, 16, ret, too_big);
}

static bool length_read(const char **text, uint64_t *ret, bool *too_big)
{
	uint64_t unit = 1;

	if (!number_read(text, prefix_read(text) ? 16 : 10, ret, too_big))
		return false;
	switch (**text) {
	case 'K': unit = 1ull << 10; break;
	case 'M': unit = 1ull << 20; break;
	case 'G': unit = 1ull << 30; break;
	default: return true;
	}
	(*text)++;
	if (__builtin_mul_overflow(*ret, unit, ret))
		*too_big = true;
	return true;
}

int range_parse(const char *text, struct range *ret_range)
{
	struct range range = { 0 };
	uint64_t length;
	bool too_big = false;

	if (!address_read(&text, &range.start, &too_big))
		return -EINVAL;
	switch (*text++) {
	case '-':
		if (!address_read(&text, &range.end, &too_big) || *text != '\0')
			return -EINVAL;
		break;
	case '+':
		if (!length_read(&text, &length, &too_big) || *text != '\0')
			return -EINVAL;
		if (__builtin_add_overflow(range.start, length, &range.end))
			too_big = true;
		break;
	default: return -EINVAL;
	}
	if (too_big)
		return -ERANGE;
	if (range.start >= range.end)
		return -EINVAL;
	*ret_range = range;
	return 0;
}

const char *range_format(const struct range *range, char buf[RANGE_TEXT_MAX])
{
	(void)snprintf(buf, RANGE_TEXT_MAX, "0x%" PRIx64 "-0x%" PRIx64, range->start, range->end);
	return buf;
}

static int by_start(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

size_t ranges_normalize(struct range *ranges, size_t count)
{
	size_t kept = 0;

	if (count == 0)
		return 0;
	qsort(ranges, count, sizeof(*ranges), by_start);
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].start >= ranges[i].end)
			continue;
		if (kept > 0 && ranges[i].start <= ranges[kept - 1].end) {
			if (ranges[i].end > ranges[kept - 1].end)
				ranges[kept - 1].end = ranges[i].end;
		} else {
			ranges[kept++] = ranges[i];
		}
	}
	return kept;
}
