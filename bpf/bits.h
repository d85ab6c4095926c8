/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MSEALD_BPF_BITS_H
#define MSEALD_BPF_BITS_H

#include "arch.h"

/* The place of the lowest bit that is set; 64: none is. clang 14 has no __builtin_ctzll() for BPF. */
static __always_inline u32 lowest_bit(u64 word)
{
	u32 at = word ? 0 : 1;

	for (u32 width = 32; width; width /= 2) {
		u64 low = word & ((1ULL << width) - 1), none = !low;

		word = none ? word >> width : word;
		at += none * width;
	}
	return at;
}

#endif
