/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "strike_tricks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon.h"
#include "tap.h"
#include "ways.h"

#define LENGTH (TARGET_PAGES * PAGE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define TOP 0x7ffffffff000ul /* end of user memory (arch/x86/include/asm/page_64_types.h) */

#define CALL(...) stage_attack(stage, __VA_ARGS__)

static long plain(struct stage *stage, uint64_t at)
{
	const struct trick *trick = (const struct trick *)stage->attack;
	uint64_t start = at + (uint64_t)trick->offset;

	return CALL(trick->number, (long)start, (long)(trick->length - (trick->from_end ? start : 0)),
		    trick->third, trick->fourth, trick->fifth);
}

/* --- lengths beyond all memory --- */

/*
 * Only mappings of the kernel may lie above these pages, so that the victim survives a call on everything
 * above.
 */
static void at_top(struct stage *stage)
{
	uint64_t start = TOP - 4 * LENGTH;
	long got = CALL(SYS_mmap, (long)start, 3 * LENGTH, READ_WRITE, ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
			0);

	if (got != (long)start) {
		stage_trouble(stage, "the highest pages of user memory cannot be had: %s",
			      puppet_text(stage->victim, got));
		return;
	}
	stage_fill(stage, start, 3 * LENGTH, 11);
	stage_call(stage, SYS_mprotect, (long)start, 3 * LENGTH, PROT_READ);
	stage->target = start + LENGTH;
	stage->control[0] = start + 2 * LENGTH + stage->attack->below * PAGE;
}

#define AT_TOP .layout = PREPARED, .prepare = at_top, .no_before = true, .abis = ABIS_64

static const struct trick reaching[] = {
#define MPROTECT(what, ...) \
	{ \
		{ 1, "mprotect: " what, AT_TOP, .mechanism = BY_LSM, .error = ENOMEM }, \
			.number = SYS_mprotect, .third = READ_WRITE, __VA_ARGS__ \
	}
	MPROTECT("length 2^62", .length = 1ul << 62),
	MPROTECT("length 2^47", .length = 1ul << 47),
	MPROTECT("length 2^63", .length = 1ul << 63),
	MPROTECT("length up to the last page of 2^64", .from_end = true, .length = -PAGE),
	{ { 1, "mprotect: length 2^62, from below", AT_TOP, .mechanism = BY_LSM, .below = 1,
	    .error = ENOMEM },
	  .number = SYS_mprotect,
	  .offset = -(long)PAGE,
	  .length = 1ul << 62,
	  .third = READ_WRITE },
	{ { 1, "pkey_mprotect: length 2^62", AT_TOP, .mechanism = BY_LSM, .error = ENOMEM },
	  .number = SYS_pkey_mprotect,
	  .length = 1ul << 62,
	  .third = READ_WRITE,
	  .fourth = -1 },
#undef MPROTECT
#define MADVISE(name, advice, ...) \
	{ \
		{ 6, name, AT_TOP, .anonymous = true, .mechanism = BY_GATE, .error = ENOMEM }, \
			.number = SYS_madvise, .third = advice, __VA_ARGS__ \
	}
	MADVISE("madvise that discards: MADV_DONTNEED, length 2^62", MADV_DONTNEED, .length = 1ul << 62),
	MADVISE("madvise that discards: MADV_DONTNEED, length 2^47", MADV_DONTNEED, .length = 1ul << 47),
	MADVISE("madvise that discards: MADV_DONTNEED, length up to the last page of 2^64", MADV_DONTNEED,
		.from_end = true, .length = -PAGE),
	MADVISE("madvise that keeps it from children: MADV_DONTFORK, length 2^62", MADV_DONTFORK,
		.length = 1ul << 62),
	MADVISE("madvise that keeps it from children: MADV_DONTFORK, length 2^47", MADV_DONTFORK,
		.length = 1ul << 47),
	MADVISE("madvise that discards: MADV_WIPEONFORK, length 2^62", MADV_WIPEONFORK, .length = 1ul << 62),
#undef MADVISE
	{ { 6, "madvise that discards: MADV_DONTNEED, length 2^62, from below", AT_TOP, .mechanism = BY_GATE,
	    .anonymous = true, .below = 1, .error = ENOMEM },
	  .number = SYS_madvise,
	  .offset = -(long)PAGE,
	  .length = 1ul << 62,
	  .third = MADV_DONTNEED },
	{ { .name = NULL } },
};

/* The same for 32 bits, where sums never wrap: all memory below 4 GiB, and the next 4. */
static const struct trick reaching_32[] = {
#define ALL_32 .layout = ANON_READ, .no_before = true, .abis = 1u << ABI_INT80, .error = ENOMEM
	{ { 1, "mprotect: length 2^32 - 4096", ALL_32, .mechanism = BY_LSM },
	  .number = SYS_mprotect,
	  .length = -(unsigned)PAGE,
	  .third = READ_WRITE },
	{ { 1, "mprotect: length 2^31", ALL_32, .mechanism = BY_LSM },
	  .number = SYS_mprotect,
	  .length = 1ul << 31,
	  .third = READ_WRITE },
	{ { 6, "madvise that discards: MADV_DONTNEED, length 2^32 - 4096", ALL_32, .mechanism = BY_GATE },
	  .number = SYS_madvise,
	  .length = -(unsigned)PAGE,
	  .third = MADV_DONTNEED },
#undef ALL_32
	{ { .name = NULL } },
};

/* --- calls that the kernel itself refuses --- */

#define REFUSED .layout = ANON_READ, .mechanism = ALLOWED, .invisible = true
#define REFUSED_64 REFUSED, .abis = ABIS_64

static const struct trick refused[] = {
/* The end of the range wraps to small numbers. */
#define WRAPS(row_, name, call, what, err) \
	{ { row_, name ": a length that ends at 2^64", REFUSED_64, .error = err }, \
	  .number = call, \
	  .third = what, \
	  .from_end = true }, \
		{ { row_, name ": a length that ends beyond 2^64", REFUSED_64, .error = err }, \
		  .number = call, \
		  .third = what, \
		  .from_end = true, \
		  .length = PAGE }, \
		{ { row_, name ": a length that ends in the last page of 2^64", REFUSED_64, .error = err }, \
		  .number = call, \
		  .third = what, \
		  .from_end = true, \
		  .length = -100ul }, \
	{ \
		{ row_, name ": length 2^64 - 1", REFUSED_64, .error = err }, .number = call, .third = what, \
									      .length = -1ul \
	}
	WRAPS(1, "mprotect", SYS_mprotect, READ_WRITE, ENOMEM),
	WRAPS(6, "MADV_DONTNEED", SYS_madvise, MADV_DONTNEED, EINVAL),
	WRAPS(6, "MADV_DONTFORK", SYS_madvise, MADV_DONTFORK, EINVAL),
	WRAPS(3, "munmap", SYS_munmap, 0, EINVAL),
#undef WRAPS
	/* Unlike madvise, munmap accepts no range beyond user memory, which has up to 2^56 bytes. */
	{ { 3, "munmap: length 2^62", REFUSED_64, .error = EINVAL },
	  .number = SYS_munmap,
	  .length = 1ul << 62 },
	{ { 3, "munmap: length 2^56", REFUSED_64, .error = EINVAL },
	  .number = SYS_munmap,
	  .length = 1ul << 56 },

	{ { 1, "mprotect: unaligned", REFUSED, .error = EINVAL },
	  .number = SYS_mprotect,
	  .offset = 8,
	  .length = PAGE,
	  .third = READ_WRITE },
	{ { 3, "munmap: unaligned", REFUSED, .error = EINVAL },
	  .number = SYS_munmap,
	  .offset = 8,
	  .length = PAGE },
	{ { 3, "munmap: length 0", REFUSED, .error = EINVAL }, .number = SYS_munmap },
	{ { 4, "mremap: unaligned", REFUSED, .error = EINVAL },
	  .number = SYS_mremap,
	  .offset = 8,
	  .length = PAGE,
	  .third = 2 * PAGE,
	  .fourth = MREMAP_MAYMOVE },
	{ { 6, "MADV_DONTNEED: unaligned", REFUSED, .error = EINVAL },
	  .number = SYS_madvise,
	  .offset = 8,
	  .length = PAGE,
	  .third = MADV_DONTNEED },
	{ { 6, "MADV_DONTFORK: unaligned", REFUSED, .error = EINVAL },
	  .number = SYS_madvise,
	  .offset = 8,
	  .length = PAGE,
	  .third = MADV_DONTFORK },
	/* Succeeds at once, without effect. */
	{ { 1, "mprotect: length 0", REFUSED }, .number = SYS_mprotect, .third = READ_WRITE },
	{ { 6, "MADV_DONTNEED: length 0", REFUSED }, .number = SYS_madvise, .third = MADV_DONTNEED },
	{ { .name = NULL } },
};

/* --- process_madvise on a kernel that accepts no such advice --- */

static long advise_by_vector(struct stage *stage, uint64_t at)
{
	const struct trick *trick = (const struct trick *)stage->attack;
	struct iovec *vector = puppet_data(stage->victim);
	long pidfd = stage_call(stage, SYS_pidfd_open, stage->victim->pid, 0);

	*vector = (struct iovec){ (void *)at, LENGTH };
	return CALL(SYS_process_madvise, pidfd, (long)vector, 1, trick->third, 0);
}

#define VECTOR(name, advice) \
	{ \
		{ 7, "process_madvise: " name, REFUSED_64, .strike = advise_by_vector, .error = EINVAL }, \
			.third = advice \
	}

static const struct trick by_vector[] = {
	VECTOR("MADV_DONTNEED", MADV_DONTNEED),
	VECTOR("MADV_FREE", MADV_FREE),
	VECTOR("MADV_REMOVE", MADV_REMOVE),
	VECTOR("MADV_DONTFORK", MADV_DONTFORK),
	VECTOR("MADV_WIPEONFORK", MADV_WIPEONFORK),
	VECTOR("MADV_HWPOISON", MADV_HWPOISON),
	{ { .name = NULL } },
};

/* --- making them --- */

static void make_all(const struct trick *tricks)
{
	for (; tricks->attack.name; tricks++) {
		struct trick trick = *tricks;

		if (!trick.attack.strike)
			trick.attack.strike = plain;
		make_attack(&trick.attack, ~0u);
	}
}

/* On itself, as 6.13 and later do (mm/madvise.c, process_madvise). */
static bool takes_destructive_advice(void)
{
	struct iovec range = { mmap(NULL, PAGE, READ_WRITE, ANONYMOUS, -1, 0), PAGE };
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	long taken = syscall(SYS_process_madvise, self, &range, 1ul, MADV_DONTNEED, 0u);

	close(self);
	(void)munmap(range.iov_base, PAGE);
	return taken >= 0;
}

void tricks_run(void)
{
	const char *kernel = getenv("MSEALD_EXPECT_KERNEL") ?: "";

	make_all(reaching);
	make_all(reaching_32);
	make_all(refused);
	if (takes_destructive_advice() && strcmp(kernel, "6.1") && strncmp(kernel, "6.12", 4))
		skip("this kernel takes such advice, see t_rows.c",
		     "row 7: process_madvise that discards is the kernel's EINVAL");
	else
		make_all(by_vector);
}
