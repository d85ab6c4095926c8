/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attacks that throw contents away or detach them: rows 6 and 7 of docs/design/model.md. They must not affect
 * read-only memory; a process that may write to sealed memory may also discard it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "attack.h"
#include "ring.h"

/* Missing in some libc's headers. */
#define ADVICE_DONTNEED_LOCKED 24
#define ADVICE_HWPOISON 100
#define ADVICE_SOFT_OFFLINE 101
#define ADVICE_GUARD_INSTALL 102
#define ADVICE_GUARD_REMOVE 103

#define CALL(...) stage_attack(stage, __VA_ARGS__)
#define STRIKE(name, call) \
	static long name(struct stage *stage, uint64_t at) \
	{ \
		return call; \
	}

#define LENGTH (TARGET_PAGES * PAGE)

/* --- row 6: madvise --- */

STRIKE(dontneed, CALL(SYS_madvise, at, LENGTH, MADV_DONTNEED))
STRIKE(dontneed_from_below, CALL(SYS_madvise, at - 2 * PAGE, 3 * PAGE, MADV_DONTNEED))
STRIKE(dontneed_from_above, CALL(SYS_madvise, at + 3 * PAGE, 3 * PAGE, MADV_DONTNEED))
STRIKE(dontneed_one_page, CALL(SYS_madvise, at + PAGE, PAGE, MADV_DONTNEED))
STRIKE(dontneed_odd_length, CALL(SYS_madvise, at - PAGE, PAGE + 1, MADV_DONTNEED))
STRIKE(dontneed_tagged, CALL(SYS_madvise, TAGGED(at), LENGTH, MADV_DONTNEED))
STRIKE(dontneed_locked, CALL(SYS_madvise, at, LENGTH, ADVICE_DONTNEED_LOCKED))
STRIKE(lazy_free, CALL(SYS_madvise, at, LENGTH, MADV_FREE))
STRIKE(remove_pages, CALL(SYS_madvise, at, LENGTH, MADV_REMOVE))
STRIKE(dontfork, CALL(SYS_madvise, at, LENGTH, MADV_DONTFORK))
STRIKE(wipeonfork, CALL(SYS_madvise, at, LENGTH, MADV_WIPEONFORK))
STRIKE(guard_install, CALL(SYS_madvise, at, LENGTH, ADVICE_GUARD_INSTALL))
STRIKE(guard_remove, CALL(SYS_madvise, at, LENGTH, ADVICE_GUARD_REMOVE))
STRIKE(guard_remove_one_page, CALL(SYS_madvise, at + PAGE, PAGE, ADVICE_GUARD_REMOVE))
STRIKE(guard_remove_from_below, CALL(SYS_madvise, at - 2 * PAGE, 3 * PAGE, ADVICE_GUARD_REMOVE))
STRIKE(hwpoison, CALL(SYS_madvise, at, PAGE, ADVICE_HWPOISON))
STRIKE(soft_offline, CALL(SYS_madvise, at, PAGE, ADVICE_SOFT_OFFLINE))

STRIKE(hwpoison_beside, CALL(SYS_madvise, at + LENGTH + PAGE, PAGE, ADVICE_HWPOISON))

/* Further away than the length of any huge page. New memory lies below the stage. */
static long hwpoison_far(struct stage *stage, uint64_t at)
{
	uint64_t far = stage_map(stage, 2ul << 30, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);

	(void)at;
	stage_fill(stage, far, PAGE, 37);
	return CALL(SYS_madvise, far, PAGE, ADVICE_HWPOISON);
}

STRIKE(advise_random, CALL(SYS_madvise, at, LENGTH, MADV_RANDOM))
STRIKE(advise_willneed, CALL(SYS_madvise, at, LENGTH, MADV_WILLNEED))
STRIKE(advise_cold, CALL(SYS_madvise, at, LENGTH, MADV_COLD))
STRIKE(advise_dofork, CALL(SYS_madvise, at, LENGTH, MADV_DOFORK))

static void locked(struct stage *stage)
{
	uint64_t start = stage->control[1];

	stage_call(stage, SYS_mlock, (long)start, (long)(stage->control[0] + LENGTH - start));
}

/* The whole stage has guard pages; a control may lie apart from the target. */
static void guarding(struct stage *stage)
{
	uint64_t start = stage->control[1];

	stage_call(stage, SYS_madvise, (long)start, (long)(stage->control[0] + LENGTH - start),
		   ADVICE_GUARD_INSTALL);
}

static void not_for_forks(struct stage *stage)
{
	uint64_t start = stage->control[1];

	stage_call(stage, SYS_madvise, (long)start, (long)(stage->control[0] + LENGTH - start),
		   MADV_DONTFORK);
}

/* --- row 7: process_madvise on itself --- */

static long advise_vector(struct stage *stage, const struct iovec *vector, size_t count, int advice)
{
	long pidfd = stage->own[0], result;
	size_t length = 0;

	for (size_t i = 0; i < count; i++) {
		length += vector[i].iov_len;
		if (ABIS_32 & 1u << stage->abi)
			memcpy((uint32_t *)puppet_data(stage->victim) + 2 * i,
			       (uint32_t[2]){ (uint32_t)(long)vector[i].iov_base,
					      (uint32_t)vector[i].iov_len },
			       8);
		else
			memcpy((struct iovec *)puppet_data(stage->victim) + i, &vector[i], sizeof(*vector));
	}
	result = CALL(SYS_process_madvise, pidfd, (long)puppet_data(stage->victim), (long)count, advice, 0);
	/* With several ranges the call handles those before the first forbidden one. */
	if (result >= 0 && (size_t)result != length && count == 1)
		stage_trouble(stage, "process_madvise did only %ld of %zu bytes", result, length);
	return result;
}

static long vector_dontneed(struct stage *stage, uint64_t at)
{
	return advise_vector(stage, &(struct iovec){ (void *)at, LENGTH }, 1, MADV_DONTNEED);
}

static long vector_wipeonfork(struct stage *stage, uint64_t at)
{
	return advise_vector(stage, &(struct iovec){ (void *)at, LENGTH }, 1, MADV_WIPEONFORK);
}

/* Only the second of two ranges is sealed. */
static long vector_of_two(struct stage *stage, uint64_t at)
{
	struct iovec vector[] = { { (void *)(at - 2 * PAGE), PAGE }, { (void *)at, LENGTH } };

	return advise_vector(stage, vector, 2, MADV_DONTNEED);
}

static long vector_guard_install(struct stage *stage, uint64_t at)
{
	return advise_vector(stage, &(struct iovec){ (void *)at, LENGTH }, 1, ADVICE_GUARD_INSTALL);
}

static long vector_guard_remove(struct stage *stage, uint64_t at)
{
	return advise_vector(stage, &(struct iovec){ (void *)at, LENGTH }, 1, ADVICE_GUARD_REMOVE);
}

static long vector_cold(struct stage *stage, uint64_t at)
{
	return advise_vector(stage, &(struct iovec){ (void *)at, LENGTH }, 1, MADV_COLD);
}

static void with_pidfd(struct stage *stage)
{
	stage->own[0] = stage_call(stage, SYS_pidfd_open, stage->victim->pid, 0);
}

static void guarding_with_pidfd(struct stage *stage)
{
	guarding(stage);
	with_pidfd(stage);
}

/* --- row 7: io_uring --- */

/* address, length, advice, whether by int 0x80 */
static long ring_madvise(const long arguments[6])
{
	return ring_submit_by(arguments[3],
			      &(struct io_uring_sqe){ .opcode = IORING_OP_MADVISE,
						      .fd = -1,
						      .addr = (uint64_t)arguments[0],
						      .len = (uint32_t)arguments[1],
						      .fadvise_advice = (uint32_t)arguments[2] });
}

static void with_uring(struct stage *stage)
{
	long result = puppet_run(stage->victim, ring_setup);

	if (result < 0)
		stage_trouble(stage, "io_uring_setup: %s", puppet_text(stage->victim, result));
}

static void guarding_with_uring(struct stage *stage)
{
	guarding(stage);
	with_uring(stage);
}

static long ring_call(struct stage *stage, uint64_t at, unsigned long length, int advice)
{
	return puppet_run(stage->victim, ring_madvise, (long)at, (long)length, advice,
			  stage->abi == ABI_INT80);
}

STRIKE(ring_dontneed, ring_call(stage, at, LENGTH, MADV_DONTNEED))
STRIKE(ring_dontfork, ring_call(stage, at, LENGTH, MADV_DONTFORK))
STRIKE(ring_from_below, ring_call(stage, at - 2 * PAGE, 3 * PAGE, MADV_DONTNEED))
STRIKE(ring_guard_install, ring_call(stage, at, LENGTH, ADVICE_GUARD_INSTALL))
STRIKE(ring_guard_remove, ring_call(stage, at, LENGTH, ADVICE_GUARD_REMOVE))
STRIKE(ring_random, ring_call(stage, at, LENGTH, MADV_RANDOM))

const struct attack discard_attacks[] = {
	{ 6, "madvise that discards: MADV_DONTNEED, read-only memory", ANON_READ, BY_GATE,
	  .strike = dontneed },
	{ 6, "madvise that discards a file's pages: MADV_DONTNEED, written to, now read-only", FILE_READ,
	  BY_GATE, .strike = dontneed },
	{ 6, "madvise that discards a file's pages: MADV_DONTNEED, one page of it", FILE_READ, BY_GATE,
	  .strike = dontneed_one_page },
	{ 6, "madvise that discards a file's pages: MADV_DONTNEED, into it from below", FILE_READ, BY_GATE,
	  .strike = dontneed_from_below, .below = 2 },
	{ 6, "madvise that discards: MADV_DONTNEED, out of it", ANON_READ, BY_GATE,
	  .strike = dontneed_from_above, .above = 2 },
	{ 6, "madvise that discards: MADV_DONTNEED, one byte of it, rounded up", ANON_READ, BY_GATE,
	  .strike = dontneed_odd_length, .below = 1 },
	{ 6, "madvise that discards: MADV_DONTNEED_LOCKED, locked memory", ANON_READ, BY_GATE,
	  .strike = dontneed_locked, .prepare = locked },
	{ 6, "madvise that discards: MADV_DONTNEED, a tagged address", ANON_READ, BY_GATE,
	  .strike = dontneed_tagged, .prepare = with_tags, .abis = ABIS_64 },
	{ 6, "madvise that discards: MADV_FREE", ANON_READ, BY_GATE, .strike = lazy_free, .invisible = true },
	{ 6, "madvise that discards a file's pages: MADV_REMOVE, shared, read-only here", SHARED_READ,
	  BY_GATE, .strike = remove_pages },
	{ 6, "madvise that keeps it from children: MADV_DONTFORK", ANON_READ, BY_GATE, .strike = dontfork },
	/* Writable or not: a child would have a hole. */
	{ 6, "madvise that keeps it from children: MADV_DONTFORK, writable memory", ANON_WRITE, BY_GATE,
	  .strike = dontfork },
	/* The seal does not hold in children that lack the memory. */
	{ 6, "madvise that gives it to children: MADV_DOFORK", ANON_READ, BY_GATE, .strike = advise_dofork,
	  .prepare = not_for_forks, .not_native = true },
	{ 6, "madvise that discards: MADV_WIPEONFORK", ANON_READ, BY_GATE, .strike = wipeonfork },
	{ 6, "madvise that discards: MADV_GUARD_INSTALL", ANON_READ, BY_GATE, .strike = guard_install },
	/*
	 * Both directions change access to the memory. mseal(2) denies GUARD_INSTALL on read-only memory
	 * only.
	 */
	{ 6, "madvise of guard pages: MADV_GUARD_INSTALL, writable memory", ANON_WRITE, BY_GATE,
	  .strike = guard_install, .not_native = true },
	{ 6, "madvise of guard pages: MADV_GUARD_INSTALL, a file", FILE_READ, BY_GATE,
	  .strike = guard_install },
	{ 6, "madvise of guard pages: MADV_GUARD_REMOVE, read-only memory", ANON_READ, BY_GATE,
	  .strike = guard_remove, .prepare = guarding, .not_native = true },
	{ 6, "madvise of guard pages: MADV_GUARD_REMOVE, writable memory", ANON_WRITE, BY_GATE,
	  .strike = guard_remove, .prepare = guarding, .not_native = true },
	{ 6, "madvise of guard pages: MADV_GUARD_REMOVE, one page of it", ANON_WRITE, BY_GATE,
	  .strike = guard_remove_one_page, .prepare = guarding, .not_native = true },
	{ 6, "madvise of guard pages: MADV_GUARD_REMOVE, into it from below", ANON_WRITE, BY_GATE,
	  .strike = guard_remove_from_below, .prepare = guarding, .below = 2, .not_native = true },

	/* The page may be in a huge page, which goes as a whole: judged rounded to the largest size. */
	{ 6, "madvise that takes pages away: MADV_HWPOISON", ANON_READ, BY_GATE, .strike = hwpoison,
	  .prepare = with_handler, .coarse = true, .abis = ABIS_FUNCTIONS, .not_native = true },
	{ 6, "madvise that takes pages away: MADV_SOFT_OFFLINE", ANON_READ, BY_GATE, .strike = soft_offline,
	  .coarse = true, .invisible = true, .not_native = true },
	{ 6, "madvise that takes pages away: MADV_HWPOISON, beside it", ANON_READ, BY_GATE,
	  .strike = hwpoison_beside, .prepare = with_handler, .coarse = true, .invisible = true,
	  .abis = ABIS_FUNCTIONS, .not_native = true },
	{ 6, "MADV_HWPOISON, beyond it by 2 GiB", ANON_READ, ALLOWED, .strike = hwpoison_far,
	  .prepare = with_handler, .no_before = true, .invisible = true, .abis = 1u << ABI_64 },

	/* A write never takes the page itself away. */
	{ 6, "MADV_HWPOISON: writable memory", ANON_WRITE, BY_GATE, .strike = hwpoison,
	  .prepare = with_handler, .coarse = true, .abis = ABIS_FUNCTIONS, .not_native = true },
	{ 6, "MADV_SOFT_OFFLINE: writable memory", ANON_WRITE, BY_GATE, .strike = soft_offline,
	  .coarse = true, .invisible = true, .not_native = true },

	{ 6, "MADV_DONTNEED: writable memory", ANON_WRITE, ALLOWED, .strike = dontneed },
	{ 6, "MADV_FREE: writable memory", ANON_WRITE, ALLOWED, .strike = lazy_free, .invisible = true },
	{ 6, "MADV_WIPEONFORK: writable memory", ANON_WRITE, ALLOWED, .strike = wipeonfork },
	{ 6, "MADV_RANDOM", ANON_READ, ALLOWED, .strike = advise_random },
	{ 6, "MADV_WILLNEED", FILE_READ, ALLOWED, .strike = advise_willneed, .invisible = true },
	{ 6, "MADV_COLD", ANON_READ, ALLOWED, .strike = advise_cold, .invisible = true },
	{ 6, "MADV_DOFORK", ANON_READ, ALLOWED, .strike = advise_dofork, .invisible = true },

	{ 7, "process_madvise that discards: MADV_DONTNEED", ANON_READ, BY_GATE, .strike = vector_dontneed,
	  .prepare = with_pidfd, .coarse = true },
	{ 7, "process_madvise that discards: a file, MADV_DONTNEED", FILE_READ, BY_GATE,
	  .strike = vector_dontneed, .prepare = with_pidfd, .coarse = true },
	{ 7, "process_madvise that discards: MADV_WIPEONFORK", ANON_READ, BY_GATE,
	  .strike = vector_wipeonfork, .prepare = with_pidfd, .coarse = true },
	{ 7, "process_madvise that discards: the second of two ranges", ANON_READ, BY_GATE,
	  .strike = vector_of_two, .prepare = with_pidfd, .below = 2, .coarse = true, .natively = "kept" },
	{ 7, "process_madvise: MADV_COLD", ANON_READ, ALLOWED, .strike = vector_cold, .prepare = with_pidfd,
	  .invisible = true },
	{ 7, "io_uring madvise that discards: MADV_DONTNEED", ANON_READ, BY_KILL, .strike = ring_dontneed,
	  .prepare = with_uring, .abis = ABIS_FUNCTIONS },
	{ 7, "io_uring madvise that discards: a file, MADV_DONTNEED", FILE_READ, BY_KILL,
	  .strike = ring_dontneed, .prepare = with_uring, .abis = ABIS_FUNCTIONS },
	{ 7, "io_uring madvise that discards: MADV_DONTFORK", ANON_READ, BY_KILL, .strike = ring_dontfork,
	  .prepare = with_uring, .abis = ABIS_FUNCTIONS },
	{ 7, "io_uring madvise that discards: into it from below", ANON_READ, BY_KILL,
	  .strike = ring_from_below, .prepare = with_uring, .below = 2, .abis = ABIS_FUNCTIONS },
	{ 7, "process_madvise that discards: MADV_GUARD_INSTALL, writable memory", ANON_WRITE, BY_GATE,
	  .strike = vector_guard_install, .prepare = with_pidfd, .coarse = true, .not_native = true },
	{ 7, "process_madvise that discards: MADV_GUARD_REMOVE", ANON_WRITE, BY_GATE,
	  .strike = vector_guard_remove, .prepare = guarding_with_pidfd, .coarse = true, .not_native = true },
	{ 7, "io_uring madvise that discards: MADV_GUARD_INSTALL, writable memory", ANON_WRITE, BY_KILL,
	  .strike = ring_guard_install, .prepare = with_uring, .abis = ABIS_FUNCTIONS, .not_native = true },
	{ 7, "io_uring madvise that discards: MADV_GUARD_REMOVE", ANON_WRITE, BY_KILL,
	  .strike = ring_guard_remove, .prepare = guarding_with_uring, .abis = ABIS_FUNCTIONS,
	  .not_native = true },
	{ 7, "io_uring: MADV_RANDOM", ANON_READ, ALLOWED, .strike = ring_random, .prepare = with_uring,
	  .abis = ABIS_FUNCTIONS },
	{ .name = NULL },
};
