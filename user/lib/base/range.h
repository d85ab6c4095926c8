/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An address range, half open, and its textual form. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t start, end; /* bytes; end is exclusive */
};

/*
 * Reads 0xSTART-0xEND or 0xSTART+LENGTH. LENGTH is hexadecimal with 0x or decimal, optionally with the suffix
 * K, M or G. Alignment is not checked. -EINVAL: malformed, empty or reversed; -ERANGE: beyond 64 bits.
 */
int range_parse(const char *text, struct range *ret_range);

#define RANGE_TEXT_MAX 40
/* Formats as "0x7f12a000-0x7f12b000"; buf holds RANGE_TEXT_MAX. Returns buf. */
const char *range_format(const struct range *range, char buf[RANGE_TEXT_MAX]);

/* Sorts by start, drops empty ranges, merges ranges that overlap or touch; returns the new count. */
size_t ranges_normalize(struct range *ranges, size_t count);
