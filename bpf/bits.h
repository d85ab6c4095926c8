/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

#include "arch.h"

/*
 * Index of the lowest set bit of a word that is not 0. clang 14 has no __builtin_ctzll() for BPF. Free of
 * branches, for the verifier.
 */
static __always_inline u32 lowest_bit(u64 word)
{
	u64 at = 0;

	for (u32 width = 32; width; width /= 2) {
		u64 low = word & ((1ULL << width) - 1), shift = (low - 1) >> 63 << __builtin_ctz(width);

		word >>= shift;
		at += shift;
	}
	return at;
}
