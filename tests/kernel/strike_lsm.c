/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attacks that LSM programs deny: rows 1, 2, 9 and 10 of docs/design/model.md, and PR_SET_MM of row 8. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack.h"

#ifndef MAP_HUGETLB
#define MAP_HUGETLB 0x40000
#endif

#define CALL(...) stage_attack(stage, __VA_ARGS__)
#define STRIKE(name, call) \
	static long name(struct stage *stage, uint64_t at) \
	{ \
		return call; \
	}

#define LENGTH (TARGET_PAGES * PAGE)
#define I386_OLD_MMAP 90
#define I386_IPC 117
#define IPC_SHMAT 21
#define HUGE (PAGE / 8 * PAGE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

/* --- row 1: mprotect --- */

STRIKE(protect_write, CALL(SYS_mprotect, at, LENGTH, PROT_READ | PROT_WRITE))
STRIKE(protect_none, CALL(SYS_mprotect, at, LENGTH, PROT_NONE))
STRIKE(protect_exec, CALL(SYS_mprotect, at, LENGTH, PROT_READ | PROT_EXEC))
STRIKE(protect_read, CALL(SYS_mprotect, at, LENGTH, PROT_READ))
STRIKE(protect_middle, CALL(SYS_mprotect, at + PAGE, PAGE, PROT_READ | PROT_WRITE))
STRIKE(protect_from_below, CALL(SYS_mprotect, at - 2 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE))
STRIKE(protect_from_above, CALL(SYS_mprotect, at + 3 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE))
STRIKE(protect_around, CALL(SYS_mprotect, at - 2 * PAGE, LENGTH + 4 * PAGE, PROT_READ | PROT_WRITE))
STRIKE(protect_odd_length, CALL(SYS_mprotect, at - PAGE, PAGE + 1, PROT_READ | PROT_WRITE))
STRIKE(pkey_none, CALL(SYS_pkey_mprotect, at, LENGTH, PROT_READ | PROT_WRITE, -1))
STRIKE(pkey_no_change, CALL(SYS_pkey_mprotect, at, LENGTH, PROT_READ, -1))
STRIKE(pkey_new, CALL(SYS_pkey_mprotect, at, LENGTH, PROT_READ, stage->own[0]))
/* Starts above the seal; the kernel moves the start down to that of the mapping. */
STRIKE(protect_growsdown, CALL(SYS_mprotect, at + 6 * PAGE, PAGE, PROT_READ | PROT_GROWSDOWN))

static void with_pkey(struct stage *stage)
{
	stage->own[0] = stage_call(stage, SYS_pkey_alloc, 0, 0);
}

/* Linear address masking: mprotect takes an address with a tag in its upper bits. */
STRIKE(protect_tagged, CALL(SYS_mprotect, TAGGED(at), LENGTH, PROT_READ | PROT_WRITE))

static void with_stacks(struct stage *stage)
{
	/* Far apart, because the kernel keeps 256 pages below a stack free. */
	uint64_t base = stage_map(stage, 2048 * PAGE, PROT_NONE, ANONYMOUS);

	stage_call(stage, SYS_munmap, (long)base, 2048 * PAGE);
	stage->target = base + 500 * PAGE;
	stage->control[0] = base + 1500 * PAGE;
	stage->control[1] = 0;
	for (int i = 0; i < 2 && !stage->trouble[0]; i++) {
		uint64_t start = i ? stage->control[0] : stage->target;

		stage_call(stage, SYS_mmap, (long)start, 8 * PAGE, PROT_READ | PROT_WRITE,
			   ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
		stage_fill(stage, start, 8 * PAGE, 1);
	}
}

#ifdef __aarch64__
/* The flags of arm64 (arch/arm64/include/uapi/asm/mman.h); PROT_MTE only with machines that have it. */
STRIKE(protect_bti, CALL(SYS_mprotect, at, LENGTH, PROT_READ | PROT_BTI))
STRIKE(protect_mte, CALL(SYS_mprotect, at, LENGTH, PROT_READ | PROT_MTE))
STRIKE(map_mte, CALL(SYS_mmap, at, LENGTH, PROT_READ | PROT_MTE, ANONYMOUS | MAP_FIXED, -1, 0))

static void with_bti(struct stage *stage)
{
	stage_call(stage, SYS_mprotect, (long)stage->target, LENGTH, PROT_READ | PROT_BTI);
}
#endif

/* --- row 2: mmap(MAP_FIXED) --- */

STRIKE(map_over, CALL(SYS_mmap, at, LENGTH, PROT_READ | PROT_WRITE, ANONYMOUS | MAP_FIXED, -1, 0))
STRIKE(map_none, CALL(SYS_mmap, at, LENGTH, PROT_NONE, ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0))
STRIKE(map_one_page, CALL(SYS_mmap, at + 2 * PAGE, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0))
STRIKE(map_from_below, CALL(SYS_mmap, at - 2 * PAGE, 3 * PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0))
STRIKE(map_from_above, CALL(SYS_mmap, at + 3 * PAGE, 3 * PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0))
STRIKE(map_around, CALL(SYS_mmap, at - 2 * PAGE, LENGTH + 4 * PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0))
STRIKE(map_odd_length, CALL(SYS_mmap, at - PAGE, PAGE + 1, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0))
STRIKE(map_file, CALL(SYS_mmap, at, LENGTH, PROT_READ, MAP_PRIVATE | MAP_FIXED, stage->fd, 16 * PAGE))
STRIKE(map_file_below,
       CALL(SYS_mmap, at - 2 * PAGE, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, stage->fd, 0))
STRIKE(map_shared, CALL(SYS_mmap, at, LENGTH, PROT_READ, MAP_SHARED | MAP_FIXED, stage->fd, 0))
STRIKE(map_validate, CALL(SYS_mmap, at, LENGTH, PROT_READ, MAP_SHARED_VALIDATE | MAP_FIXED, stage->fd, 0))
STRIKE(map_growsdown, CALL(SYS_mmap, at, LENGTH, PROT_READ, ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0))
/* One page is requested, a huge page is mapped. */
STRIKE(map_huge, CALL(SYS_mmap, at & -HUGE, PAGE, PROT_READ,
		      ANONYMOUS | MAP_FIXED | MAP_HUGETLB | MAP_NORESERVE, -1, 0))

/* i386: the arguments are in user memory. */
static long old_mmap(struct stage *stage, uint64_t at, unsigned long length, uint32_t flags)
{
	const uint32_t arguments[6] = { (uint32_t)at, (uint32_t)length, PROT_READ, flags, -1u, 0 };

	memcpy(puppet_data(stage->victim), arguments, sizeof(arguments));
	return puppet_call_32(stage->victim, I386_OLD_MMAP, (long)puppet_data(stage->victim));
}

STRIKE(old_map_over, old_mmap(stage, at, LENGTH, ANONYMOUS | MAP_FIXED))
STRIKE(old_map_from_below, old_mmap(stage, at - 2 * PAGE, 3 * PAGE, ANONYMOUS | MAP_FIXED))
/* Only a hint: the address is taken. */
STRIKE(old_map_hint, old_mmap(stage, at, LENGTH, ANONYMOUS))

static void with_huge_areas(struct stage *stage)
{
	uint64_t base = stage_map(stage, 5 * HUGE, PROT_NONE, ANONYMOUS);

	base = (base + HUGE - 1) & -HUGE;
	stage_call(stage, SYS_mmap, base, 4 * HUGE, PROT_READ | PROT_WRITE,
		   ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	stage->target = base + HUGE + 256 * PAGE;
	stage->control[0] = stage->target + HUGE;
	stage->control[1] = stage->target - HUGE;
	stage_fill(stage, stage->target, LENGTH, 1);
}

/* --- row 8: moves the break above the seal, so that brk() shrinks into it --- */

static long break_moved(struct stage *stage, uint64_t at)
{
	long result = 0;

	/* brk() does nothing below the start of the heap, which may be out of reach of 32 bits. */
	if (stage->abi == ABI_INT80)
		result = CALL(SYS_prctl, PR_SET_MM, PR_SET_MM_START_BRK, at - PAGE, 0, 0);
	if (result)
		return result;
	/* The break must lie in a mapping that begins below it. */
	result = CALL(SYS_prctl, PR_SET_MM, PR_SET_MM_BRK, at + LENGTH + PAGE, 0, 0);

	if (result)
		return result;
	result = CALL(SYS_brk, at);
	return result == (long)at || result < 0 ? result : -EPERM;
}

/* --- row 9: shmat(SHM_REMAP) --- */

STRIKE(attach_over, CALL(SYS_shmat, stage->own[0], at, SHM_REMAP))
STRIKE(attach_from_below, CALL(SYS_shmat, stage->own[0], at - 2 * PAGE, SHM_REMAP))
STRIKE(attach_from_above, CALL(SYS_shmat, stage->own[0], at + 3 * PAGE, SHM_REMAP | SHM_RDONLY))
STRIKE(attach_rounded, CALL(SYS_shmat, stage->own[0], at + 100, SHM_REMAP | SHM_RND))
STRIKE(attach_rounded_below, CALL(SYS_shmat, stage->own[0], at - 3 * PAGE + 4000, SHM_REMAP | SHM_RND))

#ifdef __x86_64__
#define ABIS_ROUNDED_TO_PAGES 0 /* all */
#else
/* In 32-bit processes SHM_RND rounds down to 16 KiB (arch/arm64/include/asm/shmparam.h, COMPAT_SHMLBA). */
#define ABIS_ROUNDED_TO_PAGES (1u << ABI_64)
#define COMPAT_SHMLBA (4 * PAGE)

/* The address is behind the target, the segment begins at its last page. */
STRIKE(attach_rounded_far, CALL(SYS_shmat, stage->own[0], at + LENGTH + 100, SHM_REMAP | SHM_RND))
#endif

/* The i386 multiplexer takes: number, id, flags, where to put the address, address. */
STRIKE(attach_by_ipc, puppet_call_32(stage->victim, I386_IPC, IPC_SHMAT, stage->own[0], SHM_REMAP,
				     (long)puppet_data(stage->victim), (long)at))
STRIKE(attach_by_ipc_below,
       puppet_call_32(stage->victim, I386_IPC, IPC_SHMAT, stage->own[0], SHM_REMAP | SHM_RND,
		      (long)puppet_data(stage->victim), (long)(at - 3 * PAGE + 4000)))

static void with_segment(struct stage *stage)
{
	long id = stage_call(stage, SYS_shmget, IPC_PRIVATE, LENGTH, IPC_CREAT | 0600);

	stage->own[0] = id;
	/* Attached once and removed, it is freed with the process. */
	stage_call(stage, SYS_shmat, id, 0, 0);
	stage_call(stage, SYS_shmctl, id, IPC_RMID, 0);
}

#ifndef __x86_64__
static void with_segment_far(struct stage *stage)
{
	const uint64_t move = (PAGE - stage->target) & (COMPAT_SHMLBA - 1);

	with_segment(stage);
	stage->target += move;
	stage->control[0] += move;
	stage->control[1] += move;
}
#endif

/* A segment of one page, whose file a descriptor in own[1] makes longer, or could. */
static void with_segment_of_a_page(struct stage *stage)
{
	long id = stage_call(stage, SYS_shmget, IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
	uint64_t at = (uint64_t)stage_call(stage, SYS_shmat, id, 0, 0);

	stage->own[0] = id;
	stage_call(stage, SYS_shmctl, id, IPC_RMID, 0);
	snprintf(puppet_data(stage->victim), PUPPET_DATA_SIZE, "/proc/self/map_files/%lx-%lx", at, at + PAGE);
	stage->own[1] = stage_call(stage, SYS_openat, AT_FDCWD, (long)puppet_data(stage->victim), O_RDWR);
}

static void with_grown_segment(struct stage *stage)
{
	with_segment_of_a_page(stage);
	stage_call(stage, SYS_ftruncate, stage->own[1], LENGTH);
	stage_call(stage, SYS_close, stage->own[1]);
}

/* --- row 10: remap_file_pages --- */

STRIKE(remap_pages, CALL(SYS_remap_file_pages, at, LENGTH, 0, 40, 0))
STRIKE(remap_one_page, CALL(SYS_remap_file_pages, at + PAGE, PAGE, 0, 40, 0))
STRIKE(remap_from_below, CALL(SYS_remap_file_pages, at - 2 * PAGE, 3 * PAGE, 0, 40, 0))
STRIKE(remap_from_above, CALL(SYS_remap_file_pages, at + 3 * PAGE, 3 * PAGE, 0, 40, 0))
STRIKE(remap_nonblock, CALL(SYS_remap_file_pages, at, LENGTH, 0, 40, MAP_NONBLOCK))

const struct attack lsm_attacks[] = {
	{ 1, "mprotect: read-only to writable", ANON_READ, BY_LSM, .strike = protect_write },
	{ 1, "mprotect: file, read-only to writable", FILE_READ, BY_LSM, .strike = protect_write },
	{ 1, "mprotect: shared file, read-only to writable", SHARED_READ, BY_LSM, .strike = protect_write },
	{ 1, "mprotect: writable to read-only", ANON_WRITE, BY_LSM, .strike = protect_read },
	{ 1, "mprotect: to executable", ANON_READ, BY_LSM, .strike = protect_exec },
	{ 1, "mprotect: to inaccessible", ANON_READ, BY_LSM, .strike = protect_none },
	{ 1, "mprotect: no change", ANON_READ, BY_LSM, .strike = protect_read, .invisible = true },
	{ 1, "mprotect: one page of it", ANON_READ, BY_LSM, .strike = protect_middle },
	{ 1, "mprotect: into it from below", ANON_READ, BY_LSM, .strike = protect_from_below, .below = 2 },
	{ 1, "mprotect: out of it", ANON_READ, BY_LSM, .strike = protect_from_above, .above = 2 },
	{ 1, "mprotect: around it", ANON_READ, BY_LSM, .strike = protect_around, .below = 2, .above = 2 },
	{ 1, "mprotect: one byte of it, rounded up", ANON_READ, BY_LSM, .strike = protect_odd_length,
	  .below = 1 },
	{ 1, "mprotect: a tagged address", ANON_READ, BY_LSM, .strike = protect_tagged, .prepare = with_tags,
	  .abis = ABIS_64 },
	{ 1, "mprotect: PROT_GROWSDOWN from above", PREPARED, BY_LSM,
	  /* mseal(2) has split the stack, so the call does not reach into it. */
	  .strike = protect_growsdown, .prepare = with_stacks, .natively = "kept" },
	{ 1, "pkey_mprotect: key -1", ANON_READ, BY_LSM, .strike = pkey_none },
	{ 1, "pkey_mprotect: no change", ANON_READ, BY_LSM, .strike = pkey_no_change, .invisible = true },
	{ 1, "pkey_mprotect: another key only", ANON_READ, BY_LSM, .strike = pkey_new, .prepare = with_pkey },

#ifdef __aarch64__
	{ 1, "mprotect: PROT_BTI", ANON_READ, BY_LSM, .strike = protect_bti, .abis = 1u << ABI_64 },
	{ 1, "mprotect: file, PROT_BTI", FILE_READ, BY_LSM, .strike = protect_bti, .abis = 1u << ABI_64 },
	{ 1, "mprotect: PROT_BTI taken away", ANON_READ, BY_LSM, .strike = protect_read, .prepare = with_bti,
	  .abis = 1u << ABI_64 },
	{ 1, "mprotect: PROT_MTE", ANON_READ, BY_LSM, .strike = protect_mte, .abis = 1u << ABI_64 },
#endif

	{ 2, "mmap: over it", ANON_READ, BY_LSM, .strike = map_over },
	{ 2, "mmap: over writable memory", ANON_WRITE, BY_LSM, .strike = map_over },
	{ 2, "mmap: over a file", FILE_READ, BY_LSM, .strike = map_over },
	{ 2, "mmap: PROT_NONE over it", ANON_READ, BY_LSM, .strike = map_none },
	{ 2, "mmap: over one page of it", ANON_READ, BY_LSM, .strike = map_one_page },
	{ 2, "mmap: into it from below", ANON_READ, BY_LSM, .strike = map_from_below, .below = 2 },
	{ 2, "mmap: out of it", ANON_READ, BY_LSM, .strike = map_from_above, .above = 2 },
	{ 2, "mmap: around it", ANON_READ, BY_LSM, .strike = map_around, .below = 2, .above = 2 },
	{ 2, "mmap: one byte of it, rounded up", ANON_READ, BY_LSM, .strike = map_odd_length, .below = 1 },
	{ 2, "mmap: file over it", FILE_READ, BY_LSM, .strike = map_file },
	{ 2, "mmap: file into it from below", FILE_READ, BY_LSM, .strike = map_file_below, .below = 2 },
	{ 2, "mmap: shared file over it", SHARED_READ, BY_LSM, .strike = map_shared },
	{ 2, "mmap: MAP_SHARED_VALIDATE over it", SHARED_READ, BY_LSM, .strike = map_validate },
	{ 2, "mmap: MAP_GROWSDOWN over it", ANON_READ, BY_LSM, .strike = map_growsdown, .coarse = true },
#ifdef __aarch64__
	{ 2, "mmap: PROT_MTE over it", ANON_READ, BY_LSM, .strike = map_mte, .abis = 1u << ABI_64 },
#endif
	{ 2, "mmap: a huge page around it", PREPARED, BY_LSM, .strike = map_huge,
	  .prepare = with_huge_areas },

	{ 2, "old mmap over it: all of it", ANON_READ, BY_LSM, .strike = old_map_over, .abis = ABIS_32,
	  .coarse = true },
	{ 2, "old mmap over it: from below", ANON_READ, BY_LSM, .strike = old_map_from_below, .below = 2,
	  .abis = ABIS_32, .coarse = true },
	{ 2, "old mmap: the address as a hint", ANON_READ, ALLOWED, .strike = old_map_hint, .invisible = true,
	  .abis = ABIS_32 },

	{ 8, "PR_SET_MM of the break: then brk into it", ANON_READ, BY_LSM, .strike = break_moved, .above = 2,
	  .coarse = true },

	{ 9, "shmat: SHM_REMAP over it", ANON_READ, BY_LSM, .strike = attach_over, .prepare = with_segment },
	{ 9, "shmat: SHM_REMAP into it from below", ANON_READ, BY_LSM, .strike = attach_from_below,
	  .prepare = with_segment, .below = 2 },
	{ 9, "shmat: SHM_REMAP out of it, read-only", ANON_READ, BY_LSM, .strike = attach_from_above,
	  .prepare = with_segment, .above = 3 },
	{ 9, "shmat: SHM_REMAP and SHM_RND", ANON_READ, BY_LSM, .strike = attach_rounded,
	  .prepare = with_segment, .abis = ABIS_ROUNDED_TO_PAGES },
	{ 9, "shmat: SHM_REMAP and SHM_RND from below", ANON_READ, BY_LSM, .strike = attach_rounded_below,
	  .prepare = with_segment, .below = 3, .abis = ABIS_ROUNDED_TO_PAGES },
#ifndef __x86_64__
	{ 9, "shmat: SHM_REMAP and SHM_RND from above", ANON_READ, BY_LSM, .strike = attach_rounded_far,
	  .prepare = with_segment_far, .above = 3, .abis = 1u << ABI_32 },
#endif
	{ 9, "shmat: SHM_REMAP into it from below, the segment has grown", ANON_READ, BY_LSM,
	  .strike = attach_from_below, .prepare = with_grown_segment, .below = 2, .abis = ABIS_FUNCTIONS },
	/* It ends below, but could grow until the kernel reads its length. */
	{ 9, "shmat: SHM_REMAP below it, the segment can grow", ANON_READ, BY_LSM,
	  .strike = attach_from_below, .prepare = with_segment_of_a_page, .below = 2, .invisible = true,
	  .coarse = true, .not_native = true, .abis = ABIS_FUNCTIONS },

	{ 9, "shmat by ipc: SHM_REMAP over it", ANON_READ, BY_LSM, .strike = attach_by_ipc,
	  .prepare = with_segment, .abis = ABIS_32 },
	{ 9, "shmat by ipc: SHM_REMAP and SHM_RND from below", ANON_READ, BY_LSM,
	  .strike = attach_by_ipc_below, .prepare = with_segment, .below = 3, .abis = ABIS_32 },

	{ 10, "remap_file_pages: on it", SHARED_READ, BY_LSM, .strike = remap_pages },
	{ 10, "remap_file_pages: on writable memory", SHARED_WRITE, BY_LSM, .strike = remap_pages },
	{ 10, "remap_file_pages: one page of it", SHARED_READ, BY_LSM, .strike = remap_one_page },
	{ 10, "remap_file_pages: into it from below", SHARED_READ, BY_LSM, .strike = remap_from_below,
	  .below = 2, .natively = "EINVAL" },
	{ 10, "remap_file_pages: out of it", SHARED_READ, BY_LSM, .strike = remap_from_above, .above = 2,
	  .natively = "EINVAL" },
	{ 10, "remap_file_pages: MAP_NONBLOCK", SHARED_READ, BY_LSM, .strike = remap_nonblock },
	{ .name = NULL },
};
