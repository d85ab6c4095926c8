/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See fuzz_ops.h. */
#define _GNU_SOURCE
#include "fuzz_ops.h"

#include <errno.h>
#include <linux/falloc.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "abi.h"
#include "tap.h"

#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#define SYS_open_32 5
#define USER_LIMIT 0x7ffffffff000ul
#define GIB (1ul << 30)

/* --- random --- */

uint64_t random_next(struct fuzz_random *random)	/* splitmix64 */
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

/* A call that is being drawn, with the numbers of the 64-bit ABI. */
struct draw {
	const struct fuzz_scene *scene;
	struct fuzz_random *random;
	enum fuzz_by by;
	long call[7];
	bool only_64;		/* there is no such call in 32 bits, or it has others arguments there */
	bool only_32;
};

static bool chance(struct draw *draw, unsigned percent)
{
	return random_below(draw->random, 100) < percent;
}

/* --- addresses and lengths --- */

static uint64_t strange_address(struct draw *draw)
{
	static const uint64_t addresses[] = { 0, 1, FUZZ_PAGE, (1ul << 32) - FUZZ_PAGE, 1ul << 32, (1ul << 32) + FUZZ_PAGE, USER_LIMIT,
					      USER_LIMIT - FUZZ_PAGE, USER_LIMIT + FUZZ_PAGE, 1ul << 47, 1ul << 62, ~0ul, -FUZZ_PAGE,
					      0xc0000000, 0xffffe000 };

	return ONE_OF(draw, addresses);
}

static uint64_t near(struct draw *draw, uint64_t address)
{
	static const long small[] = { -1l, 1, 8, 4095, -8 };
	static const long large[] = { -2l * (long)FUZZ_PAGE, 2l * (long)FUZZ_PAGE, -4l * (long)FUZZ_PAGE, 4l * (long)FUZZ_PAGE,
				      -(long)FUZZ_HUGE, (long)FUZZ_HUGE };
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

static uint64_t some_place(struct draw *draw)
{
	const struct fuzz_place *place;

	/* What is sealed with action kill, seldom: it ends the victim on every kernel. */
	do
		place = &draw->scene->places[random_below(draw->random, draw->scene->places_count)];
	while (fuzz_areas[place->index].seals[0].strength == FUZZ_KILL && chance(draw, 85));
	return place->address;
}

static bool only_sane;

static uint64_t address(struct draw *draw)
{
	return chance(draw, 3) && !only_sane ? strange_address(draw) : near(draw, some_place(draw));
}

static uint64_t aligned_address(struct draw *draw)
{
	return chance(draw, 95) ? address(draw) & -FUZZ_PAGE : address(draw);
}

/* An address in memory of that kind, most of the time. */
static uint64_t address_in(struct draw *draw, enum fuzz_memory memory)
{
	for (int tries = 0; tries < 50 && !chance(draw, 3); tries++) {
		const struct fuzz_place *place = &draw->scene->places[random_below(draw->random, draw->scene->places_count)];

		if (fuzz_areas[place->index].memory == memory)
			return near(draw, place->address);
	}
	return address(draw);
}

static uint64_t length_from(struct draw *draw, uint64_t start)
{
	static const uint64_t pages[] = { 1, 1, 1, 2, 2, 2, 3, 4, 4, 6, 8, 8, 16 };
	static const uint64_t odd[] = { 0, 0, 1, FUZZ_PAGE - 1, FUZZ_PAGE + 1, 2 * FUZZ_PAGE - 1 };
	static const uint64_t huge[] = { FUZZ_HUGE, FUZZ_HUGE - FUZZ_PAGE, FUZZ_HUGE + FUZZ_PAGE, FUZZ_HUGE + 1, 2 * FUZZ_HUGE,
					 FUZZ_HUGE + 4 * FUZZ_PAGE, FUZZ_HUGE - 4 * FUZZ_PAGE };
	static const uint64_t extreme[] = { 1ul << 62, ~0ul, -FUZZ_PAGE, -FUZZ_PAGE + 1, 1ul << 47, 1ul << 56, 1ul << 63, 1ul << 32,
					    (1ul << 32) - FUZZ_PAGE, 0xfff00000, 1ul << 31, GIB, 0xfffff001, (1ul << 62) - 1 };
	unsigned which = random_below(draw->random, only_sane ? 80 : 100);
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
	case 3: return USER_LIMIT - start;
	case 4: return USER_LIMIT - start + FUZZ_PAGE;
	default: return (1ul << 32) - start;
	}
}

/* --- the calls --- */

#define SET(draw_, ...) memcpy((draw_)->call, (const long[7]){ __VA_ARGS__ }, sizeof((draw_)->call))

static int protection(struct draw *draw)
{
	static const int all[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
				   PROT_READ | PROT_WRITE | PROT_EXEC };

	return ONE_OF(draw, all);
}

static void draw_munmap(struct draw *draw)
{
	uint64_t at = aligned_address(draw);

	SET(draw, SYS_munmap, (long)at, (long)length_from(draw, at));
}

static void draw_mprotect(struct draw *draw)
{
	uint64_t at = aligned_address(draw);
	int more = chance(draw, 90) ? 0 : chance(draw, 50) ? PROT_GROWSDOWN : PROT_GROWSUP;

	SET(draw, SYS_mprotect, (long)at, (long)length_from(draw, at), protection(draw) | more);
}

static void draw_pkey_mprotect(struct draw *draw)
{
	uint64_t at = chance(draw, 30) ? address_in(draw, FUZZ_KEYED) & -FUZZ_PAGE : aligned_address(draw);
	int key = chance(draw, 50) ? 0 : chance(draw, 50) ? -1 : draw->scene->key;

	SET(draw, SYS_pkey_mprotect, (long)at, (long)length_from(draw, at), protection(draw), key);
}

static void draw_mmap(struct draw *draw)
{
	static const int kinds[] = { MAP_PRIVATE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED };
	static const int where[] = { MAP_FIXED, MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE, 0, MAP_GROWSDOWN, MAP_FIXED | MAP_GROWSDOWN };
	static const int huge[] = { MAP_HUGETLB, MAP_HUGETLB | 21 << 26, MAP_HUGETLB | 30 << 26 };
	uint64_t at = aligned_address(draw);
	int flags = ONE_OF(draw, kinds) | ONE_OF(draw, where), fd = -1;

	if (flags & MAP_ANONYMOUS && chance(draw, 12))
		flags |= ONE_OF(draw, huge);
	if (!(flags & MAP_ANONYMOUS)) {
		fd = chance(draw, 70) ? FUZZ_FD_SCRAP : FUZZ_FD_HUGE;
		if (chance(draw, 3))
			fd = -1;
	}
	if ((fd == FUZZ_FD_HUGE || flags & MAP_HUGETLB) && chance(draw, 80))
		at &= -FUZZ_HUGE;
	SET(draw, SYS_mmap, (long)at, (long)length_from(draw, at), protection(draw), flags, fd, 0);
	if (draw->scene->low && chance(draw, 15)) {
		draw->by = FUZZ_OLDMMAP;
		draw->only_32 = true;
	}
}

static void draw_mremap(struct draw *draw)
{
	static const int flags[] = { 0, MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED,
				     MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
				     MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, MREMAP_FIXED };
	uint64_t from = chance(draw, 25) ? address_in(draw, FUZZ_HUGE_DATA) & -FUZZ_PAGE : aligned_address(draw);
	uint64_t old = length_from(draw, from);
	uint64_t new = chance(draw, 50) ? old : length_from(draw, from);

	SET(draw, SYS_mremap, (long)from, (long)old, (long)new, ONE_OF(draw, flags), (long)aligned_address(draw));
}

static int advice(struct draw *draw)
{
	static const int fierce[] = { MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_WIPEONFORK, 24 /* DONTNEED_LOCKED */, 102, 103,
				      MADV_DONTFORK, MADV_DOFORK };

	if (chance(draw, 65))
		return ONE_OF(draw, fierce);
	/* What takes pages away from the machine, seldom. */
	if (chance(draw, 2))
		return 100 + (int)random_below(draw->random, 2);
	/* Not MADV_POPULATE_*, which take memory and time. */
	for (;;) {
		int any = chance(draw, 95) ? (int)random_below(draw->random, 27) : 99 + (int)random_below(draw->random, 7);

		if (any != 22 && any != 23 && any != 100 && any != 101)
			return any;
	}
}

static void draw_madvise(struct draw *draw)
{
	static const long pages[] = { 1, 1, 2, 4, 8 };
	uint64_t at = aligned_address(draw);
	long length = (long)length_from(draw, at);
	int what = advice(draw);

	/* These reach the files of the test itself where the length does. */
	if (what == 100 || what == 101) {
		at = near(draw, some_place(draw)) & -FUZZ_PAGE;
		length = ONE_OF(draw, pages) * (long)FUZZ_PAGE;
	}
	SET(draw, SYS_madvise, (long)at, length, what);
}

static void draw_ring(struct draw *draw)
{
	draw_madvise(draw);
	draw->by = FUZZ_RING;
	draw->only_64 = true;
	draw->call[0] = 0;
}

static void draw_process_madvise(struct draw *draw)
{
	draw_madvise(draw);
	draw->by = FUZZ_ADVISE;
	draw->call[0] = SYS_process_madvise;
}

static void draw_brk(struct draw *draw)
{
	SET(draw, SYS_brk, (long)address_in(draw, FUZZ_HEAP));
}

static void draw_shmat(struct draw *draw)
{
	static const int flags[] = { 0, SHM_REMAP, SHM_REMAP, SHM_REMAP | SHM_RND, SHM_RDONLY, SHM_REMAP | SHM_RDONLY };

	SET(draw, SYS_shmat, fuzz_scrap_segment, (long)aligned_address(draw), ONE_OF(draw, flags));
}

static void draw_shmdt(struct draw *draw)
{
	SET(draw, SYS_shmdt, (long)address_in(draw, FUZZ_SEGMENT));
}

static void draw_shmctl(struct draw *draw)
{
	static const int commands[] = { IPC_STAT, SHM_LOCK, SHM_UNLOCK, IPC_RMID };
	unsigned i = random_below(draw->random, fuzz_areas_count);

	/* Those of the scene are marked for removal already. */
	SET(draw, SYS_shmctl, draw->scene->segments[i] > 0 ? draw->scene->segments[i] : -1, ONE_OF(draw, commands),
	    (long)(FUZZ_BOARD + offsetof(struct fuzz_slot, stack)));
}

static void draw_remap_file_pages(struct draw *draw)
{
	uint64_t at = chance(draw, 50) ? address_in(draw, FUZZ_SHARED) & -FUZZ_PAGE : aligned_address(draw);

	SET(draw, SYS_remap_file_pages, (long)at, (long)length_from(draw, at), 0, (long)random_below(draw->random, 8), 0);
}

static void draw_io_setup(struct draw *draw)
{
	static const long events[] = { 0, 1, 100, 1000, -1 };
	/* Where the context is told; it has to be 0 before. */
	SET(draw, SYS_io_setup, ONE_OF(draw, events), (long)(FUZZ_BOARD + offsetof(struct fuzz_slot, text)));
}

static void draw_io_destroy(struct draw *draw)
{
	SET(draw, SYS_io_destroy, (long)aligned_address(draw));
}

static void draw_prctl(struct draw *draw)
{
	SET(draw, SYS_prctl, PR_SET_MM, 1 + (long)random_below(draw->random, 15), (long)address_in(draw, FUZZ_HEAP), 0, 0);
}

static void draw_mlock(struct draw *draw)
{
	static const long calls[] = { SYS_mlock, SYS_munlock };
	uint64_t at = aligned_address(draw);

	SET(draw, ONE_OF(draw, calls), (long)at, (long)length_from(draw, at));
}

static void draw_msync(struct draw *draw)
{
	uint64_t at = aligned_address(draw);

	SET(draw, SYS_msync, (long)at, (long)length_from(draw, at), 1 + (long)random_below(draw->random, 6));
}

static void draw_mseal(struct draw *draw)
{
	uint64_t at = aligned_address(draw);

	SET(draw, SYS_mseal, (long)at, (long)length_from(draw, at), 0);
}

static void draw_write_self(struct draw *draw)
{
	draw->by = FUZZ_WRITE;
	SET(draw, SYS_process_vm_writev, (long)aligned_address(draw), 8);
}

static void draw_userfaultfd(struct draw *draw)
{
	static const long commands[] = { 3, 3, 4, 5, 5, 6, 7, 8 };
	long command = ONE_OF(draw, commands);
	long mode = command == 7 ? 4 : command == 6 ? 2 : 1;
	/* UFFD_FEATURE_MINOR_SHMEM */
	SET(draw, 0, (long)(address(draw) & -FUZZ_PAGE), command, (long)(address(draw) & -FUZZ_PAGE), mode, command == 7 ? 1 << 10 : 0);
	draw->by = FUZZ_UFFD;
}

static void draw_shadow_stack(struct draw *draw)
{
	uint64_t at = aligned_address(draw);

	SET(draw, SYS_map_shadow_stack, (long)at, (long)length_from(draw, at), (long)random_below(draw->random, 2));
	draw->only_64 = true;
}

static void draw_personality(struct draw *draw)
{
	static const long kinds[] = { 0x0040000 /* ADDR_NO_RANDOMIZE */, 0x8040000 /* ADDR_LIMIT_3GB */, 0x0440000 /* READ_IMPLIES_EXEC */ };

	SET(draw, SYS_personality, ONE_OF(draw, kinds));
}

/* i386: shmdt and shmat by one number. */
static void draw_ipc(struct draw *draw)
{
	if (chance(draw, 70))
		SET(draw, 117, 22 /* SHMDT */ | (chance(draw, 20) ? 0x10000 : 0), 0, 0, 0, (long)address_in(draw, FUZZ_SEGMENT));
	else
		SET(draw, 117, 21 /* SHMAT */, fuzz_scrap_segment, SHM_REMAP, (long)(FUZZ_BOARD + offsetof(struct fuzz_slot, text)),
		    (long)aligned_address(draw));
	draw->only_32 = true;
}

static void draw_memfile(struct draw *draw)
{
	draw->by = FUZZ_MEMFILE;
	SET(draw, SYS_open, (long)(address(draw) & -FUZZ_PAGE));
}

/* The file that is mapped. */
static void draw_file(struct draw *draw)
{
	static const long offsets[] = { 0, FUZZ_PAGE, 2 * FUZZ_PAGE, 3 * FUZZ_PAGE, 5 * FUZZ_PAGE, 6 * FUZZ_PAGE, 8 * FUZZ_PAGE };
	static const long modes[] = { FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE, 0 };
	long fd = chance(draw, 50) ? FUZZ_FD_TEXT : FUZZ_FD_RELRO;

	draw->only_64 = true;
	switch (random_below(draw->random, 3)) {
	case 0:
		SET(draw, SYS_pwrite64, fd, (long)(FUZZ_BOARD + offsetof(struct fuzz_slot, page)), 8, ONE_OF(draw, offsets));
		break;
	case 1:
		SET(draw, SYS_ftruncate, fd, ONE_OF(draw, offsets));
		break;
	default:
		SET(draw, SYS_fallocate, fd, ONE_OF(draw, modes), ONE_OF(draw, offsets), FUZZ_PAGE);
		break;
	}
}

static void draw_fork(struct draw *draw)
{
	draw->by = FUZZ_FORK;
}

static void draw_vfork(struct draw *draw)
{
	draw->by = FUZZ_VFORK;
}

static void draw_sharer(struct draw *draw)
{
	draw->by = FUZZ_SHARER;
}

#define IN_ALL 0x100u		/* only where foreign writes are denied */
#define IN_LOW 0x200u
#define IN_FILE 0x400u
#define IN_32 0x800u
#define PROCESS 0x1000u		/* makes processes: no call that can be told apart */

/* Arguments: a address, l length, p protection, m flags of mmap, r of mremap, v advice, x hexadecimal, d decimal. */
static const struct op {
	const char *name;
	unsigned weight;
	void (*draw)(struct draw *draw);
	const char *arguments;
	unsigned where;
} ops[] = {
	{ "munmap", 8, draw_munmap, "al" },
	{ "mprotect", 8, draw_mprotect, "alp" },
	{ "pkey_mprotect", 3, draw_pkey_mprotect, "alpd" },
	{ "mmap", 14, draw_mmap, "alpmdx" },
	{ "mremap", 28, draw_mremap, "allra" },
	{ "madvise", 16, draw_madvise, "alv" },
	{ "process_madvise", 4, draw_process_madvise, "alv" },
	{ "uring", 4, draw_ring, "alv" },
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
	{ "process_vm_writev", 3, draw_write_self, "al" },
	{ "userfaultfd", 5, draw_userfaultfd, "adaxx" },
	{ "map_shadow_stack", 1, draw_shadow_stack, "alx" },
	{ "personality", 1, draw_personality, "x", IN_32 },
	{ "ipc", 3, draw_ipc, "xdxxa", IN_LOW },
	{ "memfile", 2, draw_memfile, "a", IN_ALL },
	{ "filewrite", 30, draw_file, "dxxx", IN_FILE },
	{ "fork", 2, draw_fork, "d", PROCESS },
	{ "vfork", 2, draw_vfork, "d", PROCESS },
	{ "sharer", 1, draw_sharer, "ddd", PROCESS },
};
#define OPS (sizeof(ops) / sizeof(*ops))

static bool op_off[OPS];

static bool op_is_here(const struct fuzz_scene *scene, unsigned op)
{
	unsigned where = ops[op].where;

	return !op_off[op] && (!(where & IN_ALL) || scene->firm == FUZZ_ALL) && (!(where & IN_LOW) || scene->low) &&
	       (!(where & IN_FILE) || scene->flags & SCENE_FILE) && (!(where & IN_32) || scene->is_32);
}

static const char *only_64_ops = " uring map_shadow_stack filewrite ", *only_32_ops = " ipc personality ";

static bool has_word(const char *words, const char *word)
{
	char text[40];

	snprintf(text, sizeof(text), " %s ", word);
	return strstr(words, text);
}

void ops_select(const char *only)
{
	char copy[512], *rest = copy, *word;
	bool some_ops = false, some_scenes = false, known;

	snprintf(copy, sizeof(copy), "%s", only ?: "");
	/* Twice: first, whether any is named. */
	for (int pass = 0; pass < 2; pass++) {
		snprintf(copy, sizeof(copy), "%s", only ?: "");
		rest = copy;
		if (pass == 1) {
			for (unsigned i = 0; i < OPS && some_ops; i++)
				op_off[i] = true;
			for (unsigned i = 0; i < fuzz_scenes_count && some_scenes; i++)
				fuzz_scenes[i].off = true;
		}
		while ((word = strsep(&rest, ","))) {
			bool without = *word == '-';

			word += without;
			known = !*word || strcmp(word, "sane") == 0;
			only_sane = only_sane || strcmp(word, "sane") == 0;
			for (unsigned i = 0; i < OPS; i++)
				if (strcmp(word, ops[i].name) == 0) {
					known = true;
					some_ops = some_ops || !without;
					if (pass == 1)
						op_off[i] = without;
				}
			for (unsigned i = 0; i < fuzz_scenes_count; i++)
				if (strcmp(word, fuzz_scenes[i].name) == 0) {
					known = true;
					some_scenes = some_scenes || !without;
					if (pass == 1)
						fuzz_scenes[i].off = without;
				}
			if (!known)
				bail("MSEALD_FUZZ_ONLY: there is no call and no scene \"%s\"", word);
		}
	}
}

/* Processes take much longer than calls. */
static unsigned weight(unsigned op)
{
	return ops[op].where & PROCESS ? ops[op].weight : ops[op].weight * 4;
}

/* Which one: by weight, and in some draws only calls on memory. */
static unsigned pick(const struct fuzz_scene *scene, struct fuzz_random *random, bool no_process)
{
	unsigned sum = 0, at;

	for (unsigned i = 0; i < OPS; i++)
		if (op_is_here(scene, i) && !(no_process && ops[i].where & PROCESS) &&
		    !(scene->is_32 && has_word(only_64_ops, ops[i].name)))
			sum += weight(i);
	if (!sum)
		return OPS;
	at = random_below(random, sum);
	for (unsigned i = 0; i < OPS; i++) {
		if (!op_is_here(scene, i) || (no_process && ops[i].where & PROCESS) ||
		    (scene->is_32 && has_word(only_64_ops, ops[i].name)))
			continue;
		if (at < weight(i))
			return i;
		at -= weight(i);
	}
	return OPS;
}

/* --- coverage --- */

#define KINDS (FUZZ_MEMORIES * FUZZ_STRENGTHS)

static struct {
	bool possible;
	unsigned long count[FUZZ_OUTCOMES];
} cells[OPS][ABI_COUNT][KINDS];

static unsigned kind_at(const struct fuzz_scene *scene, uint64_t where)
{
	const struct fuzz_area *area = scene_area(scene, where);
	unsigned page;

	if (!area)
		return FUZZ_ROOM * FUZZ_STRENGTHS;
	page = (unsigned)((where - scene->starts[area - fuzz_areas]) / FUZZ_PAGE);
	return area->memory * FUZZ_STRENGTHS + scene_strength(scene, area, page);
}

/* What the call is about: mremap's target where it has one. */
static uint64_t about(const struct op *op, const struct fuzz_call *call)
{
	const char *first = strchr(op->arguments, 'a');

	if (op->draw == draw_mremap && call->argument[3] & MREMAP_FIXED)
		return call->argument[4];
	return first ? call->argument[first - op->arguments] : 0;
}

void ops_expect(const struct fuzz_scene *scene)
{
	bool kinds[KINDS] = { [FUZZ_ROOM * FUZZ_STRENGTHS] = true };

	for (unsigned i = 0; i < scene->places_count; i++)
		kinds[kind_at(scene, scene->places[i].address)] = true;
	for (unsigned op = 0; op < OPS; op++)
		for (unsigned kind = 0; kind < KINDS; kind++) {
			if (!kinds[kind] || !op_is_here(scene, op) || ops[op].where & PROCESS || !strchr(ops[op].arguments, 'a'))
				continue;
			if (scene->is_32)
				cells[op][ABI_32][kind].possible |= !has_word(only_64_ops, ops[op].name);
			else
				cells[op][ABI_64][kind].possible |= !has_word(only_32_ops, ops[op].name);
			if (!scene->is_32 && scene->low && ops[op].draw != draw_userfaultfd)
				cells[op][ABI_INT80][kind].possible |= !has_word(only_64_ops, ops[op].name);
		}
}

void ops_count(const struct fuzz_call *call, enum fuzz_outcome outcome)
{
	cells[call->op][call->abi][call->cell].count[outcome]++;
}

static void report_missing(unsigned op, unsigned abi, unsigned *missing)
{
	char text[400] = "";
	size_t length = 0;
	unsigned before = *missing;

	for (unsigned kind = 0; kind < KINDS; kind++) {
		const unsigned long *count = cells[op][abi][kind].count;

		if (!cells[op][abi][kind].possible || count[0] + count[1] + count[2] + count[3])
			continue;
		if (length < sizeof(text) - 60)
			length += (size_t)snprintf(text + length, sizeof(text) - length, " %s/%s",
						   fuzz_memory_names[kind / FUZZ_STRENGTHS], fuzz_strength_names[kind % FUZZ_STRENGTHS]);
		(*missing)++;
	}
	if (length)
		diag("not seen: %s, %s: %u:%s%s", ops[op].name, abi_name((enum abi)abi), *missing - before, text,
		     length < sizeof(text) - 60 ? "" : " ...");
}

void ops_report(void)
{
	unsigned possible = 0, missing = 0;

	diag("%-18s %-14s %9s %9s %9s %9s   (calls by what came of them)", "call", "ABI", "denied", "killed", "made", "refused");
	for (unsigned op = 0; op < OPS; op++)
		for (unsigned abi = 0; abi < ABI_COUNT; abi++) {
			unsigned long sums[FUZZ_OUTCOMES] = { 0 };

			for (unsigned kind = 0; kind < KINDS; kind++) {
				possible += cells[op][abi][kind].possible;
				for (unsigned i = 0; i < FUZZ_OUTCOMES; i++)
					sums[i] += cells[op][abi][kind].count[i];
			}
			if (sums[0] + sums[1] + sums[2] + sums[3])
				diag("%-18s %-14s %9lu %9lu %9lu %9lu", ops[op].name, abi_name((enum abi)abi), sums[0], sums[1], sums[2],
				     sums[3]);
		}
	for (unsigned op = 0; op < OPS; op++)
		for (unsigned abi = 0; abi < ABI_COUNT; abi++)
			report_missing(op, abi, &missing);
	diag("%u of %u cells seen (call, ABI, kind of memory and seal that it is aimed at)", possible - missing, possible);
}

/* --- drawing --- */

static bool meets_seal(const struct fuzz_scene *scene, uint64_t start, uint64_t length)
{
	if (start > USER_LIMIT || length > USER_LIMIT - start || start % FUZZ_PAGE)
		return false;
	for (unsigned i = 0; i < scene->pages_count; i++)
		if (scene->pages[i].address < start + length && scene->pages[i].address + FUZZ_PAGE > start)
			return true;
	return false;
}

/*
 * A gate that kills ends the victim with each call that plainly meets a seal: most of them are
 * drawn again, so that victims live to make those that do not.
 */
static bool plainly_deadly(const struct fuzz_scene *scene, const struct draw *draw)
{
	const long *call = draw->call;
	bool wrong;

	switch (call[0]) {
	case SYS_munmap:
		return meets_seal(scene, (uint64_t)call[1], (uint64_t)call[2]);
	case SYS_madvise:
	case SYS_process_madvise:
		return call[3] > 3 && meets_seal(scene, (uint64_t)call[1], (uint64_t)call[2]);
	case SYS_mremap:
		/* What the kernel may refuse is not plain. */
		wrong = (uint64_t)call[1] % FUZZ_PAGE || (uint64_t)call[1] > USER_LIMIT || (uint64_t)call[2] > USER_LIMIT - (uint64_t)call[1];
		return !wrong && (meets_seal(scene, (uint64_t)call[1], (uint64_t)call[2]) ||
				  (call[4] & MREMAP_FIXED && meets_seal(scene, (uint64_t)call[5], (uint64_t)call[3])));
	default:
		return false;
	}
}

static bool gate_kills(const struct fuzz_scene *scene)
{
	const char *gate = getenv(scene->is_32 ? "MSEALD_EXPECT_GATE_32" : "MSEALD_EXPECT_GATE");

	return gate && strcmp(gate, "kill") == 0;
}

static void make_call(struct draw *draw, unsigned op, struct fuzz_call *call)
{
	const struct fuzz_scene *scene = draw->scene;
	bool compat = scene->is_32 || draw->only_32;
	long call_32[7], cut[7];
	const long *made = draw->call;

	if (scene->low && !scene->is_32 && !draw->only_64 && draw->by != FUZZ_UFFD && !compat)
		compat = chance(draw, 45);
	*call = (struct fuzz_call){ .by = draw->by, .op = op };
	if (compat && draw->by != FUZZ_OLDMMAP && ops[op].draw != draw_ipc) {
		cut[0] = draw->call[0];
		for (int i = 1; i < 7; i++)
			cut[i] = (uint32_t)draw->call[i];
		if (draw->by == FUZZ_UFFD) {
			memcpy(call_32, cut, sizeof(call_32));
		} else {
			const char *why = abi_to_32(cut, call_32);

			if (why)
				bail("%s: %s", ops[op].name, why);
		}
		made = call_32;
	}
	call->number = made[0];
	for (int i = 0; i < 6; i++)
		call->argument[i] = compat ? (uint32_t)made[i + 1] : (uint64_t)made[i + 1];
	if (compat && !scene->is_32 && draw->by == FUZZ_CALL)
		call->by = FUZZ_INT80;
	if (draw->by == FUZZ_ADVISE || draw->by == FUZZ_WRITE || draw->by == FUZZ_MEMFILE) {
		call->argument[5] = (uint64_t)made[0];
		call->argument[3] = compat && !scene->is_32;
	}
	call->abi = scene->is_32 ? ABI_32 : compat ? ABI_INT80 : ABI_64;
	call->cell = kind_at(scene, about(&ops[op], call));
}

unsigned ops_draw(const struct fuzz_scene *scene, struct fuzz_random *random, struct fuzz_slots *slots,
		  struct fuzz_call calls[2])
{
	unsigned op = pick(scene, random, slots->end - slots->next < 2), count = 0, then;
	struct draw draw = { .scene = scene, .random = random };

	if (op == OPS)
		bail("scene %s: MSEALD_FUZZ_ONLY leaves no call to make", scene->name);
	if (ops[op].where & PROCESS) {
		struct fuzz_call *call = &calls[count++];

		ops[op].draw(&draw);
		*call = (struct fuzz_call){ .by = draw.by, .op = op, .abi = scene->is_32 ? ABI_32 : ABI_64 };
		call->argument[0] = slots->next++;
		if (draw.by == FUZZ_SHARER) {
			call->argument[1] = slots->next++;
			call->argument[2] = 1;
		}
		then = pick(scene, random, true);
		if (draw.by == FUZZ_FORK || then == OPS)
			return draw.by == FUZZ_FORK ? count : 0;
		op = then;
		draw = (struct draw){ .scene = scene, .random = random };
	}
	ops[op].draw(&draw);
	while (gate_kills(scene) && plainly_deadly(scene, &draw) && chance(&draw, 85)) {
		draw = (struct draw){ .scene = scene, .random = random };
		ops[op].draw(&draw);
	}
	make_call(&draw, op, &calls[count++]);
	return count;
}

/* --- printing --- */

const char *ops_name(const struct fuzz_call *call)
{
	return ops[call->op].name;
}

static int print_address(const struct fuzz_scene *scene, uint64_t at, char *text, size_t size)
{
	const struct fuzz_place *best = NULL;
	uint64_t least = 4 * FUZZ_HUGE;

	for (unsigned i = 0; i < scene->places_count; i++) {
		uint64_t distance = at > scene->places[i].address ? at - scene->places[i].address : scene->places[i].address - at;

		if (distance < least) {
			least = distance;
			best = &scene->places[i];
		}
	}
	if (!best)
		return snprintf(text, size, "%#lx", at);
	if (!least)
		return snprintf(text, size, "%s%s", best->area, best->what);
	return snprintf(text, size, "%s%s %c %#lx", best->area, best->what, at > best->address ? '+' : '-', least);
}

static int print_bits(uint64_t value, const char *const names[][2], char *text, size_t size)
{
	int length = 0;

	for (unsigned i = 0; names[i][0]; i++) {
		uint64_t bit = strtoull(names[i][1], NULL, 16);

		if (value & bit)
			length += snprintf(text + length, size - (size_t)length, "%s%s", length ? "|" : "", names[i][0]);
		value &= ~bit;
	}
	if (value || !length)
		length += snprintf(text + length, size - (size_t)length, "%s%#lx", length ? "|" : "", value);
	return length;
}

static int print_argument(const struct fuzz_scene *scene, char kind, uint64_t value, char *text, size_t size)
{
	static const char *const protections[][2] = { { "PROT_READ", "1" }, { "PROT_WRITE", "2" }, { "PROT_EXEC", "4" }, { NULL, NULL } };
	static const char *const maps[][2] = { { "MAP_SHARED", "1" }, { "MAP_PRIVATE", "2" }, { "MAP_FIXED", "10" }, { "MAP_ANONYMOUS", "20" },
		{ "MAP_GROWSDOWN", "100" }, { "MAP_HUGETLB", "40000" }, { "MAP_FIXED_NOREPLACE", "100000" }, { NULL, NULL } };
	static const char *const remaps[][2] = { { "MREMAP_MAYMOVE", "1" }, { "MREMAP_FIXED", "2" }, { "MREMAP_DONTUNMAP", "4" }, { NULL, NULL } };
	static const struct {
		unsigned number;
		const char *name;
	} advices[] = { { 4, "MADV_DONTNEED" }, { 8, "MADV_FREE" }, { 9, "MADV_REMOVE" }, { 10, "MADV_DONTFORK" }, { 11, "MADV_DOFORK" },
			{ 18, "MADV_WIPEONFORK" }, { 24, "MADV_DONTNEED_LOCKED" }, { 25, "MADV_COLLAPSE" }, { 100, "MADV_HWPOISON" },
			{ 101, "MADV_SOFT_OFFLINE" }, { 102, "MADV_GUARD_INSTALL" }, { 103, "MADV_GUARD_REMOVE" } };

	switch (kind) {
	case 'a':
		return print_address(scene, value, text, size);
	case 'p':
		return print_bits(value, protections, text, size);
	case 'm':
		return print_bits(value, maps, text, size);
	case 'r':
		return print_bits(value, remaps, text, size);
	case 'v':
		for (unsigned i = 0; i < sizeof(advices) / sizeof(*advices); i++)
			if (advices[i].number == value)
				return snprintf(text, size, "%s", advices[i].name);
		return snprintf(text, size, "%lu", value);
	case 'd':
		return snprintf(text, size, "%d", (int)value);
	default:
		return snprintf(text, size, "%#lx", value);
	}
}

void ops_print(const struct fuzz_scene *scene, const struct fuzz_call *call, char *text, size_t size)
{
	const char *name = call->by == FUZZ_OLDMMAP ? "old_mmap" : ops[call->op].name;
	int length = snprintf(text, size, "%s(", name);

	for (unsigned i = 0; ops[call->op].arguments[i]; i++) {
		length += snprintf(text + length, size - (size_t)length, "%s", i ? ", " : "");
		length += print_argument(scene, ops[call->op].arguments[i], call->argument[i], text + length, size - (size_t)length);
	}
	length += snprintf(text + length, size - (size_t)length, ")");
	if (call->abi == ABI_INT80)
		length += snprintf(text + length, size - (size_t)length, " by int 0x80");
	if (call->number && call->by == FUZZ_CALL && call->op < OPS && strcmp(name, "filewrite") == 0)
		snprintf(text + length, size - (size_t)length, " [call %ld]", (long)call->number);
}
