/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mremap with lengths that the kernel rounds, or refuses only after it has unmapped the target (mm/mremap.c,
 * mremap_to): rows 4 and 5 of docs/design/model.md, "What is denied".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "attack.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define CALL(...) stage_attack(stage, __VA_ARGS__)
#define STRIKE(name, call) \
	static long name(struct stage *stage, uint64_t at) \
	{ \
		return call; \
	}

#define LENGTH (TARGET_PAGES * PAGE)
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ABIS_NATURAL (ABIS_64 | 1u << ABI_32) /* a length of all ones is beyond their user memory */

/*
 * Far beyond user memory: 2^62, or nearly 2^32. int 0x80 cannot express such a length in a 64-bit process;
 * its largest is more than everything above a high source.
 */
static long far(const struct stage *stage)
{
	return ABIS_32 & 1u << stage->abi ? 0xfff00000l : 1l << 62;
}

/* Up to the last page: a multiple of the page size, and the range wraps, or ends beyond user memory. */
static long farthest(const struct stage *stage)
{
	return ABIS_32 & 1u << stage->abi ? (long)(uint32_t)-PAGE : -(long)PAGE;
}

/* Kernels differ in the order of their checks; none changes anything. */
static long any_error(long result)
{
	return result == -ENOMEM || result == -EFAULT ? -EINVAL : result;
}

/* --- row 4: of it --- */

STRIKE(shrink_far, CALL(SYS_mremap, at, far(stage), PAGE, 0))
STRIKE(shrink_farthest, CALL(SYS_mremap, at, farthest(stage), PAGE, 0))
STRIKE(shrink_bits_56, CALL(SYS_mremap, at, 1l << 56, PAGE, 0))
STRIKE(shrink_far_below, CALL(SYS_mremap, at - 2 * PAGE, far(stage), PAGE, MREMAP_MAYMOVE))
STRIKE(grow_far, any_error(CALL(SYS_mremap, at, LENGTH, far(stage), 0)))
STRIKE(grow_farthest, any_error(CALL(SYS_mremap, at, LENGTH, farthest(stage), MREMAP_MAYMOVE)))
STRIKE(dontunmap_far,
       any_error(CALL(SYS_mremap, at, far(stage), far(stage), MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0)))
STRIKE(duplicate_wrapped, CALL(SYS_mremap, at, -1l, LENGTH, MREMAP_MAYMOVE))
STRIKE(duplicate_below, CALL(SYS_mremap, at - 2 * PAGE, 0, LENGTH, MREMAP_MAYMOVE))
STRIKE(duplicate_wrapped_below, CALL(SYS_mremap, at - 2 * PAGE, -100l, LENGTH, MREMAP_MAYMOVE))

static long duplicate_away(struct stage *stage, uint64_t at)
{
	long room = (long)stage_map(stage, LENGTH, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);

	return CALL(SYS_mremap, at, 0, LENGTH, MOVE, room);
}

/* --- row 5: onto it --- */

/*
 * The memory to move. It lies above the target, so that a range from it to the end of memory meets neither
 * the seal nor the target (which the kernel checks first).
 */
static long source_above(struct stage *stage)
{
	const long high = 0xfff00000l;

	if (stage->abi != ABI_INT80)
		return (long)(stage->target + 12 * PAGE);
	/* A 64-bit process needs nothing in the 4 GiB above it. */
	return stage_call(stage, SYS_mmap, high, LENGTH, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			  -1, 0);
}

static long onto(struct stage *stage, uint64_t at, long old, long new, long flags)
{
	return CALL(SYS_mremap, source_above(stage), old, new, MOVE | flags, at);
}

static long onto_shared(struct stage *stage, uint64_t at, long old)
{
	long source = (long)stage_map(stage, LENGTH, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS);

	return CALL(SYS_mremap, source, old, LENGTH, MOVE, at);
}

static long onto_from_nowhere(struct stage *stage, uint64_t at)
{
	long source = (long)stage_map(stage, LENGTH, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);

	stage_call(stage, SYS_munmap, source, LENGTH);
	return CALL(SYS_mremap, source, LENGTH, LENGTH, MOVE, at);
}

STRIKE(onto_old_far, onto(stage, at, far(stage), LENGTH, 0))
STRIKE(onto_old_farthest, onto(stage, at, farthest(stage), LENGTH, 0))
STRIKE(onto_old_bits_56, onto(stage, at, 1l << 56, LENGTH, 0))
STRIKE(onto_old_bits_63, onto(stage, at, 1l << 63, LENGTH, 0))
STRIKE(onto_old_far_from_below, onto(stage, at - 2 * PAGE, far(stage), 3 * PAGE, 0))
STRIKE(onto_old_far_odd, onto(stage, at - PAGE, far(stage) + 1, PAGE + 1, 0))
STRIKE(onto_old_none, onto(stage, at, 0, LENGTH, 0))
STRIKE(onto_old_wrapped, onto(stage, at, -1l, LENGTH, 0))
STRIKE(onto_new_far, onto(stage, at, LENGTH, far(stage), 0))
STRIKE(onto_new_farthest, onto(stage, at, LENGTH, farthest(stage), 0))
STRIKE(onto_new_bits_56, onto(stage, at, LENGTH, 1l << 56, 0))
STRIKE(onto_new_wrapped, onto(stage, at, LENGTH, -1l, 0))
STRIKE(onto_both_far, onto(stage, at, far(stage), far(stage), 0))
STRIKE(onto_dontunmap_far, onto(stage, at, far(stage), far(stage), MREMAP_DONTUNMAP))
STRIKE(onto_shared_wrapped, onto_shared(stage, at, -1l))
STRIKE(onto_shared_wrapped_odd, onto_shared(stage, at, -(long)PAGE + 1))
STRIKE(onto_unaligned, onto(stage, at + 8, PAGE, PAGE, 0))

/* The kernel refuses at once: nothing changes, sealed or not. */
#define AT_ONCE .error = EINVAL, .natively = "EINVAL", .invisible = true
/* The kernel refuses only after it has unmapped the target. */
#define TOO_LATE .error = EINVAL, .abis = ABIS_NATURAL

const struct attack length_attacks[] = {
	/* If the range began before the seal it would include it. */
	{ 4, "mremap of it: old length 2^62", ANON_READ, BY_GATE, .strike = shrink_far, AT_ONCE,
	  .no_before = true, .abis = ABIS_NATURAL },
	{ 4, "mremap of it: old length up to the last page", ANON_READ, BY_GATE, .strike = shrink_farthest,
	  AT_ONCE, .no_before = true, .abis = ABIS_NATURAL },
	{ 4, "mremap of it: old length 2^56", ANON_READ, BY_GATE, .strike = shrink_bits_56, AT_ONCE,
	  .no_before = true, .abis = ABIS_64 },
	{ 4, "mremap of it: old length 2^62, from below", ANON_READ, BY_GATE, .strike = shrink_far_below,
	  AT_ONCE, .below = 2, .no_before = true, .abis = ABIS_NATURAL },
	{ 4, "mremap of it: new length 2^62", ANON_READ, BY_GATE, .strike = grow_far, AT_ONCE },
	{ 4, "mremap of it: new length up to the last page", ANON_READ, BY_GATE, .strike = grow_farthest,
	  AT_ONCE },
	{ 4, "mremap of it: MREMAP_DONTUNMAP, both lengths 2^62", ANON_READ, BY_GATE, .strike = dontunmap_far,
	  AT_ONCE, .no_before = true },
	{ 4, "mremap of it: old length 2^64 - 1, which is 0 rounded up", SHARED_READ, BY_GATE,
	  .strike = duplicate_wrapped, .invisible = true, .abis = ABIS_64 },
	{ 4, "mremap of it: old length 0, MREMAP_FIXED away", SHARED_READ, BY_GATE, .strike = duplicate_away,
	  .invisible = true },
	/* mseal(2) checks the first page only. */
	{ 4, "mremap of it: old length 0, the seal is behind its first page", SHARED_READ, BY_GATE,
	  .strike = duplicate_below, .below = 2, .invisible = true, .not_native = true },
	{ 4, "mremap of it: old length 2^64 - 100, the seal is behind its first page", SHARED_READ, BY_GATE,
	  .strike = duplicate_wrapped_below, .below = 2, .invisible = true, .not_native = true,
	  .abis = ABIS_64 },

	{ 5, "mremap onto it: old length 2^62", ANON_READ, BY_GATE, .strike = onto_old_far, TOO_LATE },
	{ 5, "mremap onto it: a file, old length 2^62", FILE_READ, BY_GATE, .strike = onto_old_far,
	  TOO_LATE },
	{ 5, "mremap onto it: writable memory, old length 2^62", ANON_WRITE, BY_GATE, .strike = onto_old_far,
	  TOO_LATE },
	{ 5, "mremap onto it: old length nearly 2^32", ANON_READ, BY_GATE, .strike = onto_old_far,
	  .abis = 1u << ABI_INT80 },
	{ 5, "mremap onto it: old length up to the last page", ANON_READ, BY_GATE,
	  .strike = onto_old_farthest, TOO_LATE },
	{ 5, "mremap onto it: old length 2^56", ANON_READ, BY_GATE, .strike = onto_old_bits_56,
	  .error = EINVAL, .abis = ABIS_64 },
	{ 5, "mremap onto it: old length 2^63", ANON_READ, BY_GATE, .strike = onto_old_bits_63,
	  .error = EINVAL, .abis = ABIS_64 },
	{ 5, "mremap onto it: old length 2^62, reaching into it from below", ANON_READ, BY_GATE,
	  .strike = onto_old_far_from_below, .below = 2, TOO_LATE },
	{ 5, "mremap onto it: old length 2^62 + 1, one byte of it, rounded up", ANON_READ, BY_GATE,
	  .strike = onto_old_far_odd, .below = 1, TOO_LATE },
	/* 7.3 checks the source before it unmaps the target. */
	{ 5, "mremap onto it: old length 0 of private memory", ANON_READ, BY_GATE, .strike = onto_old_none,
	  .error = EINVAL, .natively = "EINVAL", .either = true },
	{ 5, "mremap onto it: old length 2^64 - 1 of private memory", ANON_READ, BY_GATE,
	  .strike = onto_old_wrapped, .error = EINVAL, .natively = "EINVAL", .either = true,
	  .abis = ABIS_64 },
	{ 5, "mremap onto it: old length 2^64 - 1 of shared memory", ANON_READ, BY_GATE,
	  .strike = onto_shared_wrapped, .abis = ABIS_64 },
	{ 5, "mremap onto it: old length 2^64 - 4095 of shared memory", ANON_READ, BY_GATE,
	  .strike = onto_shared_wrapped_odd, .abis = ABIS_64 },
	{ 5, "mremap onto it: a source that is not there", ANON_READ, BY_GATE, .strike = onto_from_nowhere,
	  .error = EFAULT, .natively = "EFAULT", .invisible = true },
	{ 5, "mremap onto it: new length 2^62", ANON_READ, BY_GATE, .strike = onto_new_far, AT_ONCE,
	  .no_before = true, .abis = ABIS_NATURAL },
	{ 5, "mremap onto it: new length up to the last page", ANON_READ, BY_GATE,
	  .strike = onto_new_farthest, AT_ONCE, .no_before = true, .abis = ABIS_NATURAL },
	{ 5, "mremap onto it: new length 2^56", ANON_READ, BY_GATE, .strike = onto_new_bits_56, AT_ONCE,
	  .no_before = true, .abis = ABIS_64 },
	{ 5, "mremap onto it: new length 2^64 - 1, which is 0 rounded up", ANON_READ, BY_GATE,
	  .strike = onto_new_wrapped, AT_ONCE, .no_before = true, .abis = ABIS_64 },
	{ 5, "mremap onto it: both lengths 2^62", ANON_READ, BY_GATE, .strike = onto_both_far, AT_ONCE,
	  .no_before = true, .abis = ABIS_NATURAL },
	{ 5, "mremap onto it: MREMAP_DONTUNMAP, both lengths 2^62", ANON_READ, BY_GATE,
	  .strike = onto_dontunmap_far, AT_ONCE, .no_before = true, .abis = ABIS_NATURAL },
	{ 5, "mremap onto it: unaligned", ANON_READ, BY_GATE, .strike = onto_unaligned, AT_ONCE },
	{ .name = NULL },
};
