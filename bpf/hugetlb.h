/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rounds ranges as mremap does: outward to whole pages, and to whole huge pages in mappings of huge pages.
 * Only address spaces with such mappings (MSEALD_SPACE_HUGETLB) need the latter.
 */
#pragma once

#include "seal_tree.h"

/* PAGE_ALIGN, which turns a length in the last page into 0. mremap begins with it, in each version. */
static __always_inline u64 pages_of(u64 length)
{
	return (length + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
}

/* The end of a range, in whole pages, clipped to the end of memory. */
static __always_inline u64 range_end(u64 start, u64 length)
{
	if (start > MSEALD_ADDRESS_LIMIT || length > MSEALD_ADDRESS_LIMIT - start)
		return MSEALD_ADDRESS_LIMIT;
	return (start + length + MSEALD_PAGE - 1) & ~(MSEALD_PAGE - 1);
}

static __always_inline u64 huge_end_of(u64 start, u64 end, u64 aligned, u32 shift)
{
	u64 mask = (1ULL << shift) - 1, first = (start + mask) & ~mask;

	return aligned & mask || first >= end ? end : (end + mask) & ~mask;
}

/*
 * The highest address that an mremap of [start, end) may reach. If the range is, or ends in, a mapping of
 * huge pages, the kernel rounds its length up to huge pages. Such a mapping begins, and is moved to, where a
 * huge page can be. It is the first mapping of the range or, since 6.17, any of several (mm/mremap.c,
 * align_hugetlb and remap_move). aligned: a number that must be a multiple of a huge page, else the kernel
 * refuses.
 */
static __always_inline u64 huge_end(u64 start, u64 end, u64 aligned)
{
	const u32 shifts[] = HUGE_SHIFTS;
	u64 most = huge_end_of(start, end, aligned, shifts[0]);

#pragma unroll
	for (u32 i = 1; i < sizeof(shifts) / sizeof(*shifts); i++) {
		u64 rounded = huge_end_of(start, end, aligned, shifts[i]);

		most = rounded > most ? rounded : most;
	}
	return most;
}
