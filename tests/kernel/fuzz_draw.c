/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Draws each of the fuzzer's calls: addresses and lengths at all borders. See fuzz_table.h. */
#define _GNU_SOURCE
#include "fuzz_table.h"

#include <linux/falloc.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#define GIB (1ul << 30)

/* --- random --- */

uint64_t random_next(struct fuzz_random *random) /* splitmix64 */
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

unsigned random_below(struct fuzz_random *random, unsigned limit)
{
	return (unsigned)(random_next(random) >> 33) % limit;
}

#define ONE_OF(draw, array) ((array)[random_below((draw)->random, sizeof(array) / sizeof(*(array)))])

bool fuzz_chance(struct fuzz_draw *draw, unsigned percent)
{
	return random_below(draw->random, 100) < percent;
}

/* --- addresses and lengths --- */

static uint64_t strange_address(struct fuzz_draw *draw)
{
	static const uint64_t addresses[] = { 0,
					      1,
					      FUZZ_PAGE,
					      (1ul << 32) - FUZZ_PAGE,
					      1ul << 32,
					      (1ul << 32) + FUZZ_PAGE,
					      ABI_USER_END,
					      ABI_USER_END - FUZZ_PAGE,
					      ABI_USER_END + FUZZ_PAGE,
					      1ul << 47,
					      1ul << 62,
					      ~0ul,
					      -FUZZ_PAGE,
					      0xc0000000,
					      0xffffe000 };

	return ONE_OF(draw, addresses);
}

static uint64_t near(struct fuzz_draw *draw, uint64_t address)
{
	static const long small[] = { -1l, 1, 8, 4095, -8 };
	static const long large[] = { -2l * (long)FUZZ_PAGE, 2l * (long)FUZZ_PAGE, -4l * (long)FUZZ_PAGE,
				      4l * (long)FUZZ_PAGE,  -(long)FUZZ_HUGE,	   (long)FUZZ_HUGE };
	unsigned which = random_below(draw->random, 100);

	if (which < 56)
		return address;
	if (which < 74)
		return address - FUZZ_PAGE;
	if (which < 88)
		return address + FUZZ_PAGE;
	if (which < 91)
		return address + (uint64_t)ONE_OF(draw, small);
	if (which < 94)
		return address & -FUZZ_HUGE;
	return address + (uint64_t)ONE_OF(draw, large);
}

static uint64_t some_place(struct fuzz_draw *draw)
{
	const struct fuzz_place *place;

	/* Memory sealed with action kill is rare: it ends the victim on every kernel. */
	do
		place = &draw->scene->places[random_below(draw->random, draw->scene->places_count)];
	while (fuzz_areas[place->index].seals[0].strength == FUZZ_KILL && fuzz_chance(draw, 85));
	return place->address;
}

bool fuzz_only_sane, fuzz_takes_pages;

static uint64_t address_in(struct fuzz_draw *draw, enum fuzz_memory memory);

static uint64_t address(struct fuzz_draw *draw)
{
	/* The widest gap between seals ends there: ranges in it are judged by in_gap() alone. */
	if (fuzz_chance(draw, 6))
		return address_in(draw, FUZZ_HEAP);
	return fuzz_chance(draw, 3) && !fuzz_only_sane ? strange_address(draw) : near(draw, some_place(draw));
}

static uint64_t aligned_address(struct fuzz_draw *draw)
{
	return fuzz_chance(draw, 95) ? address(draw) & -FUZZ_PAGE : address(draw);
}

/* An address in memory of that kind, in most cases. */
static uint64_t address_in(struct fuzz_draw *draw, enum fuzz_memory memory)
{
	for (int tries = 0; tries < 50 && !fuzz_chance(draw, 3); tries++) {
		const struct fuzz_place *place =
			&draw->scene->places[random_below(draw->random, draw->scene->places_count)];

		if (fuzz_areas[place->index].memory == memory)
			return near(draw, place->address);
	}
	return address(draw);
}

static uint64_t length_from(struct fuzz_draw *draw, uint64_t start)
{
	static const uint64_t pages[] = { 1, 1, 1, 2, 2, 2, 3, 4, 4, 6, 8, 8, 16 };
	static const uint64_t odd[] = { 0, 0, 1, FUZZ_PAGE - 1, FUZZ_PAGE + 1, 2 * FUZZ_PAGE - 1 };
	static const uint64_t huge[] = {
		FUZZ_HUGE,     FUZZ_HUGE - FUZZ_PAGE,	  FUZZ_HUGE + FUZZ_PAGE,    FUZZ_HUGE + 1,
		2 * FUZZ_HUGE, FUZZ_HUGE + 4 * FUZZ_PAGE, FUZZ_HUGE - 4 * FUZZ_PAGE
	};
	static const uint64_t extreme[] = { 1ul << 62,	    ~0ul,	    -FUZZ_PAGE,
					    -FUZZ_PAGE + 1, 1ul << 47,	    1ul << 56,
					    1ul << 63,	    1ul << 32,	    (1ul << 32) - FUZZ_PAGE,
					    0xfff00000,	    1ul << 31,	    GIB,
					    0xfffff001,	    (1ul << 62) - 1 };
	unsigned which = random_below(draw->random, fuzz_only_sane ? 80 : 100);
	uint64_t other;

	if (which < 50)
		return ONE_OF(draw, pages) * FUZZ_PAGE;
	if (which < 60)
		return ONE_OF(draw, odd);
	if (which < 72)
		return ONE_OF(draw, huge);
	if (which < 80) {
		other = some_place(draw);
		return other > start ? other - start : FUZZ_PAGE;
	}
	if (which < 93)
		return ONE_OF(draw, extreme);
	/* Sums at the ends of memory. */
	switch (random_below(draw->random, 6)) {
	case 0: return -start;
	case 1: return -start - FUZZ_PAGE;
	case 2: return -start + FUZZ_PAGE;
	case 3: return ABI_USER_END - start;
	case 4: return ABI_USER_END - start + FUZZ_PAGE;
	default: return (1ul << 32) - start;
	}
}

/* --- the calls --- */

#define SET(draw_, ...) memcpy((draw_)->call, (const long[7]){ __VA_ARGS__ }, sizeof((draw_)->call))

static int protection(struct fuzz_draw *draw)
{
	static const int all[] = { PROT_NONE,
				   PROT_READ,
				   PROT_READ | PROT_WRITE,
				   PROT_READ | PROT_WRITE,
				   PROT_READ | PROT_EXEC,
				   PROT_READ | PROT_WRITE | PROT_EXEC };
	const int more = ABI_PROT && fuzz_chance(draw, 20) ? ABI_PROT : 0;

	return ONE_OF(draw, all) | (more & (int)random_next(draw->random));
}

static void draw_munmap(struct fuzz_draw *draw)
{
	uint64_t at = aligned_address(draw);

	SET(draw, SYS_munmap, (long)at, (long)length_from(draw, at));
}

static void draw_mprotect(struct fuzz_draw *draw)
{
	uint64_t at = aligned_address(draw);
	int more = fuzz_chance(draw, 90) ? 0 : fuzz_chance(draw, 70) ? PROT_GROWSDOWN : PROT_GROWSUP;

	if (more == PROT_GROWSDOWN)
		at = address_in(draw, FUZZ_STACK) & -FUZZ_PAGE;
	SET(draw, SYS_mprotect, (long)at, (long)length_from(draw, at), protection(draw) | more);
}

static void draw_pkey_mprotect(struct fuzz_draw *draw)
{
	uint64_t at = fuzz_chance(draw, 30) ? address_in(draw, FUZZ_KEYED) & -FUZZ_PAGE :
					      aligned_address(draw);
	int key = fuzz_chance(draw, 50) ? 0 : fuzz_chance(draw, 50) ? -1 : draw->scene->key;

	SET(draw, SYS_pkey_mprotect, (long)at, (long)length_from(draw, at), protection(draw), key);
}

static void draw_mmap(struct fuzz_draw *draw)
{
	static const int kinds[] = { MAP_PRIVATE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS,
				     MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED };
	static const int where[] = { MAP_FIXED,
				     MAP_FIXED,
				     MAP_FIXED,
				     MAP_FIXED_NOREPLACE,
				     0,
				     MAP_GROWSDOWN,
				     MAP_FIXED | MAP_GROWSDOWN };
	static const int huge[] = { MAP_HUGETLB, MAP_HUGETLB | MAP_HUGE_64KB, MAP_HUGETLB | MAP_HUGE_2MB,
				    MAP_HUGETLB | MAP_HUGE_1GB };
	uint64_t at = aligned_address(draw);
	int flags = ONE_OF(draw, kinds) | ONE_OF(draw, where), fd = -1;

	if (flags & MAP_ANONYMOUS && fuzz_chance(draw, 12))
		flags |= ONE_OF(draw, huge);
	if (!(flags & MAP_ANONYMOUS)) {
		fd = fuzz_chance(draw, 70) ? FUZZ_FD_SCRAP : FUZZ_FD_HUGE;
		if (fuzz_chance(draw, 3))
			fd = -1;
	}
	if ((fd == FUZZ_FD_HUGE || flags & MAP_HUGETLB) && fuzz_chance(draw, 80))
		at &= -FUZZ_HUGE;
	SET(draw, SYS_mmap, (long)at, (long)length_from(draw, at), protection(draw), flags, fd, 0);
	if (abi_is_here(ABI_INT80) && draw->scene->low && fuzz_chance(draw, 15)) {
		draw->by = FUZZ_OLDMMAP;
		draw->only_32 = true;
	}
}

static bool is_unsealed_shared(const struct fuzz_scene *scene, uint64_t at)
{
	for (unsigned i = 0; i < fuzz_areas_count; i++) {
		unsigned page = (unsigned)((at - scene->starts[i]) / FUZZ_PAGE);

		if ((fuzz_areas[i].memory == FUZZ_SHARED || fuzz_areas[i].memory == FUZZ_SHARED_DATA ||
		     fuzz_areas[i].memory == FUZZ_SEGMENT) &&
		    scene->starts[i] && at >= scene->starts[i] && page < fuzz_areas[i].pages)
			return scene_strength(scene, &fuzz_areas[i], page) == FUZZ_NONE;
	}
	return false;
}

static void draw_mremap(struct fuzz_draw *draw)
{
	static const int flags[] = { 0,
				     MREMAP_MAYMOVE,
				     MREMAP_MAYMOVE | MREMAP_FIXED,
				     MREMAP_MAYMOVE | MREMAP_FIXED,
				     MREMAP_MAYMOVE | MREMAP_FIXED,
				     MREMAP_MAYMOVE | MREMAP_FIXED,
				     MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
				     MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
				     MREMAP_FIXED };
	uint64_t from = fuzz_chance(draw, 25) ? address_in(draw, FUZZ_HUGE_DATA) & -FUZZ_PAGE :
						aligned_address(draw);
	uint64_t old = length_from(draw, from);
	uint64_t new = fuzz_chance(draw, 50) ? old : length_from(draw, from);
	const struct fuzz_area *area = scene_area(draw->scene, from);

	/* The end of a mapping can grow in place. */
	if (area && fuzz_chance(draw, 20)) {
		old = draw->scene->starts[area - fuzz_areas] + area->pages * FUZZ_PAGE - from;
		new = old + length_from(draw, from);
	}
	/* An unsealed page that grows would map its sealed neighbours once more (docs/threat-model.md). */
	if (is_unsealed_shared(draw->scene, from))
		new = old = FUZZ_PAGE;
	SET(draw, SYS_mremap, (long)from, (long)old, (long)new, ONE_OF(draw, flags),
	    (long)aligned_address(draw));
}

static int advice(struct fuzz_draw *draw)
{
	static const int fierce[] = {
		MADV_DONTNEED, MADV_FREE, MADV_REMOVE,	 MADV_WIPEONFORK, 24 /* DONTNEED_LOCKED */,
		102,	       103,	  MADV_DONTFORK, MADV_DOFORK
	};

	if (fuzz_chance(draw, 65))
		return ONE_OF(draw, fierce);
	/* Advice that takes pages away from the machine is rare. */
	if (fuzz_takes_pages && fuzz_chance(draw, 2))
		return 100 + (int)random_below(draw->random, 2);
	/* Not MADV_POPULATE_*, which take memory and time. */
	for (;;) {
		int any = fuzz_chance(draw, 95) ? (int)random_below(draw->random, 27) :
						  99 + (int)random_below(draw->random, 7);

		if (any != 22 && any != 23 && any != 100 && any != 101)
			return any;
	}
}

/* Does the range meet guard pages? */
static bool meets_guards(const struct fuzz_scene *scene, uint64_t start, uint64_t length)
{
	for (unsigned i = 0; i < fuzz_areas_count; i++)
		if (fuzz_areas[i].memory == FUZZ_GUARDS && scene->starts[i] &&
		    start < scene->starts[i] + fuzz_areas[i].pages * FUZZ_PAGE &&
		    (length >= scene->starts[i] - start || start >= scene->starts[i]))
			return true;
	return false;
}

static void draw_madvise(struct fuzz_draw *draw)
{
	static const long pages[] = { 1, 1, 2, 4, 8 };
	uint64_t at = aligned_address(draw);
	long length = (long)length_from(draw, at);
	int what = advice(draw);

	/* With such a length these calls would reach the test's own files. */
	if (what == 100 || what == 101) {
		at = near(draw, some_place(draw)) & -FUZZ_PAGE;
		length = ONE_OF(draw, pages) * (long)FUZZ_PAGE;
	}
	/* A child then lacks the guard pages, as under mseal(2) (docs/threat-model.md). */
	if (what == MADV_WIPEONFORK && meets_guards(draw->scene, at, (uint64_t)length))
		what = MADV_FREE;
	SET(draw, SYS_madvise, (long)at, length, what);
}

static void draw_ring(struct fuzz_draw *draw)
{
	draw_madvise(draw);
	draw->by = FUZZ_RING;
	draw->only_64 = true;
	draw->call[0] = 0;
}

static void draw_process_madvise(struct fuzz_draw *draw)
{
	draw_madvise(draw);
	draw->by = FUZZ_ADVISE;
	draw->call[0] = SYS_process_madvise;
}

static void draw_brk(struct fuzz_draw *draw)
{
	SET(draw, SYS_brk, (long)address_in(draw, FUZZ_HEAP));
}

static void draw_shmat(struct fuzz_draw *draw)
{
	static const int flags[] = { 0,		 SHM_REMAP,
				     SHM_REMAP,	 SHM_REMAP | SHM_RND,
				     SHM_RDONLY, SHM_REMAP | SHM_RDONLY };

	SET(draw, SYS_shmat, fuzz_scrap_segment, (long)aligned_address(draw), ONE_OF(draw, flags));
}

static void draw_shmdt(struct fuzz_draw *draw)
{
	SET(draw, SYS_shmdt, (long)address_in(draw, FUZZ_SEGMENT));
}

static void draw_shmctl(struct fuzz_draw *draw)
{
	static const int commands[] = { IPC_STAT, SHM_LOCK, SHM_UNLOCK, IPC_RMID };
	unsigned i = random_below(draw->random, fuzz_areas_count);

	/* Segments of the scene are already marked for removal. */
	SET(draw, SYS_shmctl, draw->scene->segments[i] > 0 ? draw->scene->segments[i] : -1,
	    ONE_OF(draw, commands), (long)(FUZZ_BOARD + offsetof(struct fuzz_slot, stack)));
}

static void draw_remap_file_pages(struct fuzz_draw *draw)
{
	/*
	 * Not for sealed pages, 2 to 5 of each file: a second mapping of shared memory may be written
	 * (docs/threat-model.md).
	 */
	static const long offsets[] = { 0, 1, 6, 7, 8, 40 };
	uint64_t at = fuzz_chance(draw, 50) ? address_in(draw, FUZZ_SHARED) & -FUZZ_PAGE :
					      aligned_address(draw);
	long offset = ONE_OF(draw, offsets);
	uint64_t length = offset < 2 ? (2 - (uint64_t)offset) * FUZZ_PAGE : length_from(draw, at);

	SET(draw, SYS_remap_file_pages, (long)at, (long)length, 0, offset, 0);
}

static void draw_io_setup(struct fuzz_draw *draw)
{
	static const long events[] = { 0, 1, 100, 1000, -1 };
	/* io_setup(2) stores the context here; it must be 0 before. */
	SET(draw, SYS_io_setup, ONE_OF(draw, events), (long)(FUZZ_BOARD + offsetof(struct fuzz_slot, text)));
}

static void draw_io_destroy(struct fuzz_draw *draw)
{
	SET(draw, SYS_io_destroy, (long)aligned_address(draw));
}

/* All but PR_SET_MM_MAP_SIZE, which stores a number at the caller's address: a write to its own data. */
static void draw_prctl(struct fuzz_draw *draw)
{
	SET(draw, SYS_prctl, PR_SET_MM, 1 + (long)random_below(draw->random, PR_SET_MM_MAP),
	    (long)address_in(draw, FUZZ_HEAP), 0, 0);
}

static void draw_mlock(struct fuzz_draw *draw)
{
	static const long calls[] = { SYS_mlock, SYS_munlock };
	uint64_t at = aligned_address(draw);

	SET(draw, ONE_OF(draw, calls), (long)at, (long)length_from(draw, at));
}

static void draw_msync(struct fuzz_draw *draw)
{
	uint64_t at = aligned_address(draw);

	SET(draw, SYS_msync, (long)at, (long)length_from(draw, at), 1 + (long)random_below(draw->random, 6));
}

static void draw_mseal(struct fuzz_draw *draw)
{
	uint64_t at = aligned_address(draw);

	SET(draw, SYS_mseal, (long)at, (long)length_from(draw, at), 0);
}

/* To itself, or to a process that it has made, which may share its memory. */
static void draw_write(struct fuzz_draw *draw)
{
	long slot = fuzz_chance(draw, 60) ? 0 : (long)random_below(draw->random, FUZZ_FAMILY);

	draw->by = FUZZ_WRITE;
	SET(draw, SYS_process_vm_writev, (long)aligned_address(draw), 8, slot);
}

static void draw_userfaultfd(struct fuzz_draw *draw)
{
	static const long commands[] = { 3, 3, 4, 5, 5, 6, 7, 8 };
	long command = ONE_OF(draw, commands);
	long mode = command == 7 ? 4 : command == 6 ? 2 : 1;
	/* UFFD_FEATURE_MINOR_SHMEM */
	SET(draw, 0, (long)(address(draw) & -FUZZ_PAGE), command, (long)(address(draw) & -FUZZ_PAGE), mode,
	    command == 7 ? 1 << 10 : 0);
	draw->by = FUZZ_UFFD;
}

static void draw_shadow_stack(struct fuzz_draw *draw)
{
	uint64_t at = aligned_address(draw);

	SET(draw, SYS_map_shadow_stack, (long)at, (long)length_from(draw, at),
	    (long)random_below(draw->random, 2));
	draw->only_64 = true;
}

static void draw_personality(struct fuzz_draw *draw)
{
	static const long kinds[] = { 0x0040000 /* ADDR_NO_RANDOMIZE */, 0x8040000 /* ADDR_LIMIT_3GB */,
				      0x0440000 /* READ_IMPLIES_EXEC */ };

	SET(draw, SYS_personality, ONE_OF(draw, kinds));
}

/* i386: shmdt and shmat have one number. */
static void draw_ipc(struct fuzz_draw *draw)
{
	if (fuzz_chance(draw, 70))
		SET(draw, 117, 22 /* SHMDT */ | (fuzz_chance(draw, 20) ? 0x10000 : 0), 0, 0, 0,
		    (long)address_in(draw, FUZZ_SEGMENT));
	else
		SET(draw, 117, 21 /* SHMAT */, fuzz_scrap_segment, SHM_REMAP,
		    (long)(FUZZ_BOARD + offsetof(struct fuzz_slot, text)), (long)aligned_address(draw));
	draw->only_32 = true;
}

/* Makes the kernel read there, which lets a stack grow. */
static void draw_open(struct fuzz_draw *draw)
{
	SET(draw, SYS_openat, -1, (long)address_in(draw, FUZZ_STACK));
}

static void draw_memfile(struct fuzz_draw *draw)
{
	draw->by = FUZZ_MEMFILE;
	SET(draw, SYS_openat, (long)(address(draw) & -FUZZ_PAGE));
}

/* The mapped file. */
static void draw_file(struct fuzz_draw *draw)
{
	static const long offsets[] = {
		0, FUZZ_PAGE, 2 * FUZZ_PAGE, 3 * FUZZ_PAGE, 5 * FUZZ_PAGE, 6 * FUZZ_PAGE, 8 * FUZZ_PAGE
	};
	static const long modes[] = { FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
				      FALLOC_FL_COLLAPSE_RANGE, 0 };
	long fd = fuzz_chance(draw, 50) ? FUZZ_FD_TEXT : FUZZ_FD_RELRO;

	draw->only_64 = true;
	switch (random_below(draw->random, 3)) {
	case 0:
		SET(draw, SYS_pwrite64, fd, (long)(FUZZ_BOARD + offsetof(struct fuzz_slot, page)), 8,
		    ONE_OF(draw, offsets));
		break;
	case 1: SET(draw, SYS_ftruncate, fd, ONE_OF(draw, offsets)); break;
	default: SET(draw, SYS_fallocate, fd, ONE_OF(draw, modes), ONE_OF(draw, offsets), FUZZ_PAGE); break;
	}
}

static void draw_fork(struct fuzz_draw *draw)
{
	draw->by = FUZZ_FORK;
}

static void draw_vfork(struct fuzz_draw *draw)
{
	draw->by = FUZZ_VFORK;
}

static void draw_sharer(struct fuzz_draw *draw)
{
	draw->by = FUZZ_SHARER;
}

const struct fuzz_op fuzz_ops[] = {
	{ "munmap", 8, draw_munmap, "al" },
	{ "mprotect", 8, draw_mprotect, "alp" },
	{ "pkey_mprotect", 3, draw_pkey_mprotect, "alpd" },
	{ "mmap", 14, draw_mmap, "alpmdx" },
	{ "mremap", 28, draw_mremap, "allra" },
	{ "madvise", 16, draw_madvise, "alv" },
	{ "process_madvise", 4, draw_process_madvise, "alv" },
	{ "uring", 4, draw_ring, "alv", ONLY_64 },
	{ "brk", 3, draw_brk, "a" },
	{ "shmat", 4, draw_shmat, "dax" },
	{ "shmdt", 5, draw_shmdt, "a" },
	{ "shmctl", 1, draw_shmctl, "ddx" },
	{ "remap_file_pages", 3, draw_remap_file_pages, "aldxx" },
	{ "io_setup", 1, draw_io_setup, "dx" },
	{ "io_destroy", 1, draw_io_destroy, "a" },
	{ "prctl", 2, draw_prctl, "ddadd" },
	{ "mlock", 2, draw_mlock, "al" },
	{ "msync", 1, draw_msync, "alx" },
	{ "mseal", 1, draw_mseal, "alx" },
	{ "process_vm_writev", 3, draw_write, "ald" },
	{ "userfaultfd", 5, draw_userfaultfd, "adaxx" },
	{ "map_shadow_stack", 1, draw_shadow_stack, "alx", ONLY_64 },
	{ "personality", 1, draw_personality, "x", IN_32 | ONLY_32 },
	{ "ipc", 3, draw_ipc, "xdxxa", IN_LOW | ONLY_32 | I386 },
	{ "openat", 2, draw_open, "da" },
	{ "memfile", 2, draw_memfile, "a", IN_ALL },
	{ "filewrite", 30, draw_file, "dxxx", IN_FILE | ONLY_64 },
	{ "fork", 2, draw_fork, "d", PROCESS },
	{ "vfork", 2, draw_vfork, "d", PROCESS },
	{ "sharer", 1, draw_sharer, "ddd", PROCESS },
};
const unsigned fuzz_ops_count = sizeof(fuzz_ops) / sizeof(*fuzz_ops);

_Static_assert(sizeof(fuzz_ops) / sizeof(*fuzz_ops) <= FUZZ_OPS, "each has its cells");
