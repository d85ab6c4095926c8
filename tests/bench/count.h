/* SPDX-License-Identifier: GPL-2.0-only */
/* Counting instructions: in a VM with -icount shift=0 each takes a nanosecond of its clocks. */
#pragma once

#include <stdint.h>

#ifdef __x86_64__
#include <x86intrin.h>

static inline uint64_t instructions(void)
{
	return __rdtsc();
}
#else
/* At 1 GHz with -cpu max, as Armv8.6 has it. */
static inline uint64_t instructions(void)
{
	uint64_t count;

	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(count) : : "memory");
	return count;
}
#endif
