/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include "arch.h"

/* The lowest set bit of a word. */
static __always_inline u64 lowest_of(u64 word)
{
	return word & -word;
}

/*
 * Index of the only set bit of a word. clang 14 has no __builtin_ctzll() for BPF. Any six bits of the number,
 * a de Bruijn sequence, occur in it once, so the table has each index at another place.
 */
static __always_inline u32 bit_index(u64 bit)
{
	static const u8 index[64] = {
		0,  1,	48, 2,	57, 49, 28, 3,	61, 58, 50, 42, 38, 29, 17, 4,	62, 55, 59, 36, 53, 51,
		43, 22, 45, 39, 33, 30, 24, 18, 12, 5,	63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21,
		44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,	13, 8,	7,  6,
	};

	return index[bit * 0x03f79d71b4cb0a89 >> 58];
}

static __always_inline u32 lowest_bit(u64 word)
{
	return bit_index(lowest_of(word));
}

/*
 * These give all ones for true and 0 for false. The verifier follows one path through them, where a
 * comparison doubles the paths. clang 19 makes comparisons of the same arithmetic without barriers.
 */
static __always_inline u64 mask_if_equal(u64 a, u64 b)
{
	u64 different = a ^ b, negative = -different;

	barrier_var(negative);
	return ((different | negative) >> 63) - 1;
}

/* For numbers below 2^63. */
static __always_inline u64 mask_if_less(u64 a, u64 b)
{
	u64 mask = (s64)(a - b) >> 63;

	barrier_var(mask);
	return mask;
}
