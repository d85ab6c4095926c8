/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "strike_huge.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack.h"
#include "ways.h"

#define HUGE (PAGE / 8 * PAGE)
#define GIGA (1ul << 30)
#define LENGTH (TARGET_PAGES * PAGE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)
#define ADVICE_HWPOISON 100 /* missing in some libc's headers */
#define ADVICE_SOFT_OFFLINE 101

#define CALL(...) stage_attack(stage, __VA_ARGS__)

/* --- huge pages onto a seal: more than the length is replaced --- */

static char huge_folder[] = "/tmp/huge-XXXXXX";
static char huge_pages_before[32];
static const char *no_huge_pages, *no_huge_files;

/* Small pages where two huge ones fit; only some in the middle of the first are sealed. */
static void amid_huge(struct stage *stage)
{
	uint64_t start = stage_map(stage, 3 * HUGE, READ_WRITE, ANONYMOUS);

	if (no_huge_pages)
		stage_trouble(stage, "%s", no_huge_pages);
	if (stage->trouble[0])
		return;
	start = (start + HUGE - 1) & -HUGE;
	stage_fill(stage, start, 2 * HUGE, 13);
	stage_call(stage, SYS_mprotect, (long)start, 2 * HUGE, PROT_READ);
	stage->target = start + 8 * PAGE;
	stage->length = 8 * PAGE;
	stage->control[0] = stage->target + HUGE;
}

static long huge_source(struct stage *stage, long flags)
{
	return (long)stage_map(stage, HUGE, READ_WRITE, MAP_ANONYMOUS | MAP_HUGETLB | flags);
}

static long huge_onto(struct stage *stage, uint64_t at)
{
	return CALL(SYS_mremap, huge_source(stage, MAP_PRIVATE), HUGE, PAGE, MOVE, (long)(at & -HUGE));
}

static long huge_short_onto(struct stage *stage, uint64_t at)
{
	return CALL(SYS_mremap, huge_source(stage, MAP_PRIVATE), PAGE, PAGE, MOVE, (long)(at & -HUGE));
}

static long huge_shared_onto(struct stage *stage, uint64_t at)
{
	return CALL(SYS_mremap, huge_source(stage, MAP_SHARED), PAGE, PAGE, MOVE, (long)(at & -HUGE));
}

static long huge_segment(struct stage *stage, uint64_t at)
{
	long id = stage_call(stage, SYS_shmget, IPC_PRIVATE, PAGE, IPC_CREAT | SHM_HUGETLB | 0600), result;

	if (stage->trouble[0])
		return 0;
	result = CALL(SYS_shmat, id, (long)(at & -HUGE), SHM_REMAP);
	shmctl((int)id, IPC_RMID, NULL);
	return result;
}

static long huge_mmap(struct stage *stage, uint64_t at)
{
	return CALL(SYS_mmap, (long)(at & -HUGE), PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED | MAP_HUGETLB, -1,
		    0);
}

static long map_huge_file(struct stage *stage, uint64_t at, long fd)
{
	long result = CALL(SYS_mmap, (long)(at & -HUGE), PAGE, READ_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);

	if (!stage->victim->dead)
		CALL(SYS_close, fd);
	return result;
}

static long huge_file(struct stage *stage, uint64_t at)
{
	if (no_huge_files) {
		stage_trouble(stage, "%s", no_huge_files);
		return 0;
	}
	snprintf(puppet_data(stage->victim), PUPPET_DATA_SIZE, "%s/file", huge_folder);
	return map_huge_file(stage, at,
			     stage_call(stage, SYS_openat, AT_FDCWD, (long)puppet_data(stage->victim),
					O_RDWR | O_CREAT, 0600));
}

static long huge_memfd(struct stage *stage, uint64_t at)
{
	strcpy(puppet_data(stage->victim), "huge");
	return map_huge_file(stage, at,
			     stage_call(stage, SYS_memfd_create, (long)puppet_data(stage->victim),
					MFD_HUGETLB));
}

#define AMID_HUGE .layout = PREPARED, .prepare = amid_huge, .no_before = true

static const struct attack huge_attacks[] = {
	{ 5, "mremap onto it: a huge page, new length 4096", AMID_HUGE, .mechanism = BY_GATE,
	  .strike = huge_onto },
	{ 5, "mremap onto it: a huge page, both lengths 4096", AMID_HUGE, .mechanism = BY_GATE,
	  .strike = huge_short_onto },
	{ 5, "mremap onto it: a shared huge page, both lengths 4096", AMID_HUGE, .mechanism = BY_GATE,
	  .strike = huge_shared_onto },
	{ 9, "shmat: SHM_REMAP of a segment of 4096 bytes on huge pages", AMID_HUGE, .mechanism = BY_LSM,
	  .strike = huge_segment },
	{ 2, "mmap: MAP_HUGETLB, length 4096", AMID_HUGE, .mechanism = BY_LSM, .strike = huge_mmap },
	{ 2, "mmap: a file on hugetlbfs, length 4096", AMID_HUGE, .mechanism = BY_LSM, .strike = huge_file },
	{ 2, "mmap: a memfd on huge pages, length 4096", AMID_HUGE, .mechanism = BY_LSM,
	  .strike = huge_memfd },
	{ .name = NULL },
};

/* --- sealed huge pages: more than the length is taken away --- */

static void on_huge(struct stage *stage)
{
	uint64_t start;
	long room;

	if (no_huge_pages)
		stage_trouble(stage, "%s", no_huge_pages);
	start = stage->trouble[0] ? 0 : stage_map(stage, 3 * HUGE, READ_WRITE, ANONYMOUS | MAP_HUGETLB);
	if (stage->trouble[0])
		return;
	stage_fill(stage, start, 3 * HUGE, 17);
	stage_call(stage, SYS_mprotect, (long)start, 3 * HUGE, PROT_READ);
	/* Room with the same alignment, as target of a move. */
	room = (long)stage_map(stage, 5 * HUGE, PROT_NONE, ANONYMOUS);
	stage->own[0] = (room + (long)HUGE - 1) & -(long)HUGE;
	stage->target = start + HUGE;
	stage->length = HUGE;
	stage->control[0] = start + 2 * HUGE;
	stage->control[1] = start;
}

/* Only the last pages of the huge page. */
static void on_huge_tail(struct stage *stage)
{
	on_huge(stage);
	for (int i = 0; i < 2; i++)
		stage->control[i] += HUGE - LENGTH;
	stage->target += HUGE - LENGTH;
	stage->length = LENGTH;
}

static long huge_move(struct stage *stage, uint64_t at)
{
	stage->own[0] += (long)HUGE;
	return CALL(SYS_mremap, (long)(at & -HUGE), PAGE, PAGE, MOVE, stage->own[0]);
}

static long huge_shrink(struct stage *stage, uint64_t at)
{
	return CALL(SYS_mremap, (long)(at & -HUGE), HUGE, PAGE, 0);
}

static long huge_unmap(struct stage *stage, uint64_t at)
{
	return CALL(SYS_munmap, (long)(at & -HUGE), HUGE);
}

static long huge_unmap_short(struct stage *stage, uint64_t at)
{
	return CALL(SYS_munmap, (long)(at & -HUGE), PAGE);
}

static long huge_discard(struct stage *stage, uint64_t at)
{
	return CALL(SYS_madvise, (long)(at & -HUGE), HUGE, MADV_DONTNEED);
}

static long huge_discard_short(struct stage *stage, uint64_t at)
{
	return CALL(SYS_madvise, (long)(at & -HUGE), PAGE, MADV_DONTNEED);
}

static const struct attack on_huge_attacks[] = {
#define WHOLE .layout = PREPARED, .prepare = on_huge
/* mseal(2) does not split huge pages either: EINVAL. */
#define TAIL .layout = PREPARED, .prepare = on_huge_tail, .not_native = true
	{ 4, "mremap of it: a huge page away, lengths 4096", WHOLE, .mechanism = BY_GATE,
	  .strike = huge_move },
	{ 4, "mremap of it: a huge page away, lengths 4096, its tail is sealed", TAIL, .mechanism = BY_GATE,
	  .strike = huge_move },
	{ 4, "mremap of it: a huge page, shrunk to 4096, its tail is sealed", TAIL, .mechanism = BY_GATE,
	  .strike = huge_shrink, .invisible = true },
	{ 3, "munmap: a huge page, its tail is sealed", TAIL, .mechanism = BY_GATE, .strike = huge_unmap },
	/* The kernel splits no huge page. */
	{ 3, "munmap: a huge page, length 4096", WHOLE, .mechanism = BY_GATE, .strike = huge_unmap_short,
	  .invisible = true, .error = EINVAL },
	{ 3, "munmap: a huge page, length 4096, its tail is sealed", TAIL, .mechanism = ALLOWED,
	  .strike = huge_unmap_short, .invisible = true, .error = EINVAL },
	{ 6, "madvise that discards: MADV_DONTNEED, a huge page, its tail is sealed", TAIL,
	  .mechanism = BY_GATE, .strike = huge_discard },
	/* It has no effect: the end is rounded down. */
	{ 6, "MADV_DONTNEED of a huge page, length 4096, its tail is sealed", TAIL, .mechanism = ALLOWED,
	  .strike = huge_discard_short, .invisible = true },
#undef WHOLE
#undef TAIL
	{ .name = NULL },
};

/* --- unsealed huge pages: the memory after them goes as well --- */

/* Inaccessible room for that many huge pages. */
static uint64_t huge_room(struct stage *stage, unsigned long pages)
{
	uint64_t room = stage_map(stage, (pages + 1) * HUGE, PROT_NONE, ANONYMOUS | MAP_NORESERVE);

	return (room + HUGE - 1) & -HUGE;
}

static void put_huge(struct stage *stage, uint64_t at)
{
	if (no_huge_pages)
		stage_trouble(stage, "%s", no_huge_pages);
	if (!stage->trouble[0])
		stage_call(stage, SYS_mmap, (long)at, HUGE, READ_WRITE, ANONYMOUS | MAP_HUGETLB | MAP_FIXED,
			   -1, 0);
	stage_fill(stage, at, HUGE, 19);
}

static void put_small(struct stage *stage, uint64_t at, unsigned long length)
{
	stage_call(stage, SYS_mmap, (long)at, (long)length, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0);
	stage_fill(stage, at, length, 23);
}

/* Twice: a page, a huge page, and as many small ones, some sealed. */
static void behind_huge(struct stage *stage)
{
	uint64_t room = huge_room(stage, 6);

	for (int i = 0; i < 2; i++, room += 3 * HUGE) {
		put_small(stage, room + HUGE - PAGE, PAGE);
		put_huge(stage, room + HUGE);
		put_small(stage, room + 2 * HUGE, HUGE);
		stage_call(stage, SYS_mprotect, (long)(room + 2 * HUGE), HUGE, PROT_READ);
		*(i ? &stage->control[0] : &stage->target) = room + 2 * HUGE + 8 * PAGE;
	}
	stage->own[0] = (long)huge_room(stage, 6);
}

/* The same; the end of the huge page is sealed. */
static void tail_of_huge(struct stage *stage)
{
	behind_huge(stage);
	stage->target -= 8 * PAGE + LENGTH;
	stage->control[0] -= 8 * PAGE + LENGTH;
}

/* Another address, aligned to a huge page. */
static long away(struct stage *stage)
{
	stage->own[0] += 2 * (long)HUGE;
	return stage->own[0];
}

/* at: in the small pages */
static long huge_before(uint64_t at)
{
	return (long)((at & -HUGE) - HUGE);
}

static long shrink_before(struct stage *stage, uint64_t at)
{
	return CALL(SYS_mremap, huge_before(at), HUGE + PAGE, PAGE, 0);
}

static long shrink_before_may_move(struct stage *stage, uint64_t at)
{
	return CALL(SYS_mremap, huge_before(at), HUGE + 1, HUGE, MREMAP_MAYMOVE);
}

static long move_before(struct stage *stage, uint64_t at)
{
	return CALL(SYS_mremap, huge_before(at), HUGE + PAGE, PAGE, MOVE, away(stage));
}

/* at: in the huge page. 7.3 moves several mappings at once, each rounded to its page size. */
static long move_several(struct stage *stage, uint64_t at)
{
	return CALL(SYS_mremap, (long)((at & -HUGE) - PAGE), 2 * PAGE, 2 * PAGE, MOVE,
		    away(stage) - (long)PAGE);
}

/* at: in the small pages. A page and a huge page move to a page and small ones. */
static long several_onto(struct stage *stage, uint64_t at)
{
	uint64_t source = huge_room(stage, 3) + HUGE;

	put_small(stage, source - PAGE, PAGE);
	put_huge(stage, source);
	return CALL(SYS_mremap, (long)(source - PAGE), 2 * PAGE, 2 * PAGE, MOVE, (long)((at & -HUGE) - PAGE));
}

/* The same with a hole between the two, which keeps its width. */
static long several_apart_onto(struct stage *stage, uint64_t at)
{
	uint64_t source = huge_room(stage, 3) + HUGE;

	put_small(stage, source - 3 * PAGE, PAGE);
	stage_call(stage, SYS_munmap, (long)(source - 2 * PAGE), 2 * PAGE);
	put_huge(stage, source);
	return CALL(SYS_mremap, (long)(source - 3 * PAGE), 4 * PAGE, 4 * PAGE, MOVE,
		    (long)((at & -HUGE) - 3 * PAGE));
}

/* Like amid_huge, with a page before it that a control's call also replaces. */
static void amid_several(struct stage *stage)
{
	uint64_t room = huge_room(stage, 5);

	put_small(stage, room + HUGE - 4 * PAGE, HUGE + 4 * PAGE);
	put_small(stage, room + 3 * HUGE - 4 * PAGE, HUGE + 4 * PAGE);
	stage->target = room + HUGE + 8 * PAGE;
	stage->control[0] = room + 3 * HUGE + 8 * PAGE;
	stage_call(stage, SYS_mprotect, (long)stage->target, LENGTH, PROT_READ);
}

/* A page of the same huge page, which goes as a whole. */
static long poison_neighbour(struct stage *stage, uint64_t at)
{
	return CALL(SYS_madvise, (long)(at & -HUGE), PAGE, ADVICE_HWPOISON);
}

static long offline_neighbour(struct stage *stage, uint64_t at)
{
	return CALL(SYS_madvise, (long)(at & -HUGE) + (long)PAGE, PAGE, ADVICE_SOFT_OFFLINE);
}

static void neighbour_in_huge(struct stage *stage)
{
	tail_of_huge(stage);
	with_handler(stage);
}

static const struct attack near_huge_attacks[] = {
#define BEHIND .layout = PREPARED, .mechanism = BY_GATE, .no_before = true, .prepare = behind_huge
#define AMID .layout = PREPARED, .mechanism = BY_GATE, .no_before = true, .prepare = amid_several
/* mseal(2) does not split huge pages: EINVAL. */
#define TAIL .layout = PREPARED, .mechanism = BY_GATE, .no_before = true, .not_native = true
	{ 4, "mremap of it: a huge page before it, shrunk from 2 MiB + 4096 to 4096", BEHIND,
	  .strike = shrink_before },
	{ 4, "mremap of it: a huge page before it, shrunk from 2 MiB + 1 to 2 MiB", BEHIND,
	  .strike = shrink_before_may_move },
	{ 4, "mremap of it: a huge page before it, shrunk from 2 MiB + 4096 and moved", BEHIND,
	  .strike = move_before },
	{ 4, "mremap of it: a page and a huge page away, the huge page's tail is sealed", TAIL,
	  .prepare = tail_of_huge, .strike = move_several },
	{ 5, "mremap onto it: a page and a huge page, 8192 bytes", AMID, .strike = several_onto },
	{ 5, "mremap onto it: a page, a hole and a huge page, 16384 bytes", AMID,
	  .strike = several_apart_onto },
	{ 6, "madvise that takes pages away: MADV_HWPOISON elsewhere in its huge page", TAIL,
	  .prepare = neighbour_in_huge, .strike = poison_neighbour, .coarse = true, .abis = ABIS_FUNCTIONS },
	{ 6, "madvise that takes pages away: MADV_SOFT_OFFLINE elsewhere in its huge page", TAIL,
	  .prepare = neighbour_in_huge, .strike = offline_neighbour, .coarse = true, .invisible = true,
	  .abis = ABIS_FUNCTIONS },
#undef BEHIND
#undef AMID
#undef TAIL
	{ .name = NULL },
};

/* --- ordinary blocks, without any huge page or with one elsewhere: no call is hindered --- */

/* Like big blocks of malloc: they begin where a huge page could, and end anywhere. */
static void ordinary_block(struct stage *stage)
{
	uint64_t room = huge_room(stage, 4);

	put_small(stage, room, HUGE + 8 * PAGE);
	stage->own[0] = (long)room;
	stage->target = room + HUGE + 24 * PAGE;
	put_small(stage, stage->target, LENGTH);
	stage_call(stage, SYS_mprotect, (long)stage->target, LENGTH, PROT_READ);
	/* Room to grow into. */
	stage_call(stage, SYS_munmap, (long)(room + HUGE + 8 * PAGE), 16 * PAGE);
	stage->control[0] = 0;
}

static void ordinary_block_and_huge(struct stage *stage)
{
	ordinary_block(stage);
	if (no_huge_pages)
		stage_trouble(stage, "%s", no_huge_pages);
	huge_source(stage, MAP_PRIVATE);
}

static long block_call(struct stage *stage, unsigned long length, long flags)
{
	return CALL(SYS_mremap, stage->own[0], HUGE + 8 * PAGE, (long)length, flags);
}

static long block_grows(struct stage *stage, uint64_t at)
{
	(void)at;
	return block_call(stage, HUGE + 12 * PAGE, 0);
}

static long block_moves(struct stage *stage, uint64_t at)
{
	(void)at;
	return block_call(stage, 2 * HUGE, MREMAP_MAYMOVE);
}

static long block_shrinks(struct stage *stage, uint64_t at)
{
	(void)at;
	return block_call(stage, HUGE + PAGE, MREMAP_MAYMOVE);
}

static long block_shrinks_much(struct stage *stage, uint64_t at)
{
	(void)at;
	return block_call(stage, PAGE, MREMAP_MAYMOVE);
}

/* A page and a huge page, and a place before the seal where one of 1 GiB could begin. */
static void before_giga(struct stage *stage)
{
	uint64_t room = stage_map(stage, 2 * GIGA, PROT_NONE, ANONYMOUS | MAP_NORESERVE);
	uint64_t giga = (room + HUGE + GIGA - 1) & -GIGA;

	put_small(stage, giga + 4 * HUGE - PAGE, PAGE);
	put_huge(stage, giga + 4 * HUGE);
	stage->own[0] = (long)giga;
	stage->target = giga + 8 * HUGE;
	put_small(stage, stage->target, LENGTH);
	stage_call(stage, SYS_mprotect, (long)stage->target, LENGTH, PROT_READ);
	stage->control[0] = 0;
}

/* Nothing of 1 GiB can move there: it would begin four huge pages later. */
static long several_to_giga(struct stage *stage, uint64_t at)
{
	long to = stage->own[0] - (long)PAGE;

	(void)at;
	return CALL(SYS_mremap, to + 4 * (long)HUGE, 2 * PAGE, 2 * PAGE, MOVE, to);
}

static const struct attack ordinary_calls[] = {
#define ORDINARY \
	.layout = PREPARED, .mechanism = ALLOWED, .prepare = ordinary_block, .no_before = true, \
	.invisible = true
	{ 4, "mremap of a block aligned to 2 MiB before the seal: grow in place", ORDINARY,
	  .strike = block_grows },
	{ 4, "mremap of a block aligned to 2 MiB before the seal: grow and move", ORDINARY,
	  .strike = block_moves },
	{ 4, "mremap of a block aligned to 2 MiB before the seal: shrink", ORDINARY,
	  .strike = block_shrinks },
	{ 4, "mremap of a block aligned to 2 MiB before the seal: shrink to a page", ORDINARY,
	  .strike = block_shrinks_much },
#undef ORDINARY
#define ORDINARY \
	.layout = PREPARED, .mechanism = ALLOWED, .prepare = ordinary_block_and_huge, .no_before = true, \
	.invisible = true
	{ 4, "mremap of such a block, a huge page is elsewhere: grow in place", ORDINARY,
	  .strike = block_grows },
	{ 4, "mremap of such a block, a huge page is elsewhere: grow and move", ORDINARY,
	  .strike = block_moves },
	{ 4, "mremap of such a block, a huge page is elsewhere: shrink", ORDINARY, .strike = block_shrinks },
#undef ORDINARY
#define ORDINARY .layout = PREPARED, .mechanism = ALLOWED, .no_before = true, .invisible = true
	{ 4, "mremap of a page and a huge page: to a multiple of 1 GiB before the seal", ORDINARY,
	  .prepare = before_giga, .strike = several_to_giga, .abis = ABIS_64 },
#undef ORDINARY
	{ .name = NULL },
};

/* --- making them --- */

static bool write_huge_pages(const char *text)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "r+e");

	if (!file)
		return false;
	if (!huge_pages_before[0] && !fgets(huge_pages_before, sizeof(huge_pages_before), file))
		huge_pages_before[0] = '\0';
	rewind(file);
	fputs(text, file);
	return fclose(file) == 0;
}

void huge_begin(void)
{
	void *try;

	if (!write_huge_pages("24\n")) {
		no_huge_pages = "nr_hugepages cannot be set";
		return;
	}
	try = mmap(NULL, 16 * HUGE, READ_WRITE, ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (try == MAP_FAILED)
		no_huge_pages = "no sixteen huge pages can be had";
	else
		munmap(try, 16 * HUGE);
	if (!mkdtemp(huge_folder) || mount("none", huge_folder, "hugetlbfs", 0, "pagesize=2M"))
		no_huge_files = "hugetlbfs cannot be mounted";
}

void huge_end(void)
{
	if (!no_huge_files)
		umount2(huge_folder, MNT_DETACH);
	rmdir(huge_folder);
	write_huge_pages(huge_pages_before);
}

void huge_run(void)
{
	make_attacks(huge_attacks, ~0u);
	make_attacks(on_huge_attacks, ~0u);
	make_attacks(near_huge_attacks, ~0u);
	make_attacks(ordinary_calls, ~0u);
}
