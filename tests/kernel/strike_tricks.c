/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "strike_tricks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon.h"
#include "tap.h"
#include "ways.h"

#define HUGE (2ul << 20)
#define LENGTH (TARGET_PAGES * PAGE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)
#define TOP 0x7ffffffff000ul	/* where user memory ends (arch/x86/include/asm/page_64_types.h) */

#define CALL(...) stage_attack(stage, __VA_ARGS__)

static long plain(struct stage *stage, uint64_t at)
{
	const struct trick *trick = (const struct trick *)stage->attack;
	uint64_t start = at + (uint64_t)trick->offset;

	return CALL(trick->number, (long)start, (long)(trick->length - (trick->from_end ? start : 0)), trick->third,
		    trick->fourth, trick->fifth);
}

/* --- lengths beyond all memory --- */

/*
 * Nothing is above these pages but what the kernel may have put there itself,
 * so that a call that reaches for everything above leaves the victim alive.
 */
static void at_top(struct stage *stage)
{
	uint64_t start = TOP - 4 * LENGTH;
	long got = CALL(SYS_mmap, (long)start, 3 * LENGTH, READ_WRITE, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

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
	{ { 1, "mprotect: " what, AT_TOP, .stopper = BY_LSM, .error = ENOMEM }, .number = SYS_mprotect, \
	  .third = READ_WRITE, __VA_ARGS__ }
	MPROTECT("length 2^62", .length = 1ul << 62),
	MPROTECT("length 2^47", .length = 1ul << 47),
	MPROTECT("length 2^63", .length = 1ul << 63),
	MPROTECT("length up to the last page of 2^64", .from_end = true, .length = -PAGE),
	{ { 1, "mprotect: length 2^62, from below", AT_TOP, .stopper = BY_LSM, .below = 1, .error = ENOMEM },
	  .number = SYS_mprotect, .offset = -(long)PAGE, .length = 1ul << 62, .third = READ_WRITE },
	{ { 1, "pkey_mprotect: length 2^62", AT_TOP, .stopper = BY_LSM, .error = ENOMEM },
	  .number = SYS_pkey_mprotect, .length = 1ul << 62, .third = READ_WRITE, .fourth = -1 },
#undef MPROTECT
#define MADVISE(name, advice, ...) \
	{ { 6, name, AT_TOP, .anonymous = true, .stopper = BY_GATE, .error = ENOMEM }, .number = SYS_madvise, .third = advice, \
	  __VA_ARGS__ }
	MADVISE("madvise that discards: MADV_DONTNEED, length 2^62", MADV_DONTNEED, .length = 1ul << 62),
	MADVISE("madvise that discards: MADV_DONTNEED, length 2^47", MADV_DONTNEED, .length = 1ul << 47),
	MADVISE("madvise that discards: MADV_DONTNEED, length up to the last page of 2^64", MADV_DONTNEED,
		.from_end = true, .length = -PAGE),
	MADVISE("madvise that keeps it from children: MADV_DONTFORK, length 2^62", MADV_DONTFORK, .length = 1ul << 62),
	MADVISE("madvise that keeps it from children: MADV_DONTFORK, length 2^47", MADV_DONTFORK, .length = 1ul << 47),
	MADVISE("madvise that discards: MADV_WIPEONFORK, length 2^62", MADV_WIPEONFORK, .length = 1ul << 62),
#undef MADVISE
	{ { 6, "madvise that discards: MADV_DONTNEED, length 2^62, from below", AT_TOP, .stopper = BY_GATE,
	    .anonymous = true, .below = 1, .error = ENOMEM }, .number = SYS_madvise, .offset = -(long)PAGE, .length = 1ul << 62,
	  .third = MADV_DONTNEED },
	{ { .name = NULL } },
};

/* The same of 32 bits, whose sums never wrap: all memory below 4 GiB, and the next 4. */
static const struct trick reaching_32[] = {
#define ALL_32 .layout = ANON_READ, .no_before = true, .abis = 1u << ABI_INT80, .error = ENOMEM
	{ { 1, "mprotect: length 2^32 - 4096", ALL_32, .stopper = BY_LSM }, .number = SYS_mprotect,
	  .length = -(unsigned)PAGE, .third = READ_WRITE },
	{ { 1, "mprotect: length 2^31", ALL_32, .stopper = BY_LSM }, .number = SYS_mprotect,
	  .length = 1ul << 31, .third = READ_WRITE },
	{ { 6, "madvise that discards: MADV_DONTNEED, length 2^32 - 4096", ALL_32, .stopper = BY_GATE },
	  .number = SYS_madvise, .length = -(unsigned)PAGE, .third = MADV_DONTNEED },
#undef ALL_32
	{ { .name = NULL } },
};

/* --- what the kernel refuses itself --- */

#define REFUSED .layout = ANON_READ, .stopper = ALLOWED, .invisible = true
#define REFUSED_64 REFUSED, .abis = ABIS_64

static long onto_unaligned(struct stage *stage, uint64_t at)
{
	long source = (long)stage_map(stage, PAGE, READ_WRITE, ANONYMOUS);

	return CALL(SYS_mremap, source, PAGE, PAGE, MOVE, (long)at + 8);
}

static long onto_too_long(struct stage *stage, uint64_t at)
{
	long source = (long)stage_map(stage, PAGE, READ_WRITE, ANONYMOUS);

	return CALL(SYS_mremap, source, PAGE, 1l << 56, MOVE, (long)at);
}

static const struct trick refused[] = {
	/* The end of the range comes round to small numbers. */
#define WRAPS(row_, name, call, what, err) \
	{ { row_, name ": a length that ends at 2^64", REFUSED_64, .error = err }, .number = call, .third = what, \
	  .from_end = true }, \
	{ { row_, name ": a length that ends beyond 2^64", REFUSED_64, .error = err }, .number = call, .third = what, \
	  .from_end = true, .length = PAGE }, \
	{ { row_, name ": a length that ends in the last page of 2^64", REFUSED_64, .error = err }, .number = call, \
	  .third = what, .from_end = true, .length = -100ul }, \
	{ { row_, name ": length 2^64 - 1", REFUSED_64, .error = err }, .number = call, .third = what, .length = -1ul }
	WRAPS(1, "mprotect", SYS_mprotect, READ_WRITE, ENOMEM),
	WRAPS(6, "MADV_DONTNEED", SYS_madvise, MADV_DONTNEED, EINVAL),
	WRAPS(6, "MADV_DONTFORK", SYS_madvise, MADV_DONTFORK, EINVAL),
	WRAPS(3, "munmap", SYS_munmap, 0, EINVAL),
#undef WRAPS
	/* munmap, unlike madvise, takes nothing that reaches beyond user memory, which has up to 2^56 bytes. */
	{ { 3, "munmap: length 2^62", REFUSED_64, .error = EINVAL }, .number = SYS_munmap, .length = 1ul << 62 },
	{ { 3, "munmap: length 2^56", REFUSED_64, .error = EINVAL }, .number = SYS_munmap, .length = 1ul << 56 },
	{ { 4, "mremap: old length 2^62", REFUSED_64, .natively = "EPERM", .error = EINVAL }, .number = SYS_mremap, .length = 1ul << 62,
	  .third = PAGE },
	{ { 4, "mremap: old length 2^56", REFUSED_64, .natively = "EPERM", .error = EINVAL }, .number = SYS_mremap, .length = 1ul << 56,
	  .third = PAGE },
	{ { 5, "mremap: new length 2^56, onto it", REFUSED_64, .strike = onto_too_long, .error = EINVAL } },

	{ { 1, "mprotect: unaligned", REFUSED, .error = EINVAL }, .number = SYS_mprotect, .offset = 8,
	  .length = PAGE, .third = READ_WRITE },
	{ { 3, "munmap: unaligned", REFUSED, .error = EINVAL }, .number = SYS_munmap, .offset = 8, .length = PAGE },
	{ { 3, "munmap: length 0", REFUSED, .error = EINVAL }, .number = SYS_munmap },
	{ { 4, "mremap: unaligned", REFUSED, .error = EINVAL }, .number = SYS_mremap, .offset = 8, .length = PAGE,
	  .third = 2 * PAGE, .fourth = MREMAP_MAYMOVE },
	{ { 5, "mremap: unaligned onto it", REFUSED, .strike = onto_unaligned, .error = EINVAL } },
	{ { 6, "MADV_DONTNEED: unaligned", REFUSED, .error = EINVAL }, .number = SYS_madvise, .offset = 8,
	  .length = PAGE, .third = MADV_DONTNEED },
	{ { 6, "MADV_DONTFORK: unaligned", REFUSED, .error = EINVAL }, .number = SYS_madvise, .offset = 8,
	  .length = PAGE, .third = MADV_DONTFORK },
	/* Done at once: there is nothing to do. */
	{ { 1, "mprotect: length 0", REFUSED }, .number = SYS_mprotect, .third = READ_WRITE },
	{ { 6, "MADV_DONTNEED: length 0", REFUSED }, .number = SYS_madvise, .third = MADV_DONTNEED },
	{ { .name = NULL } },
};

/* --- process_madvise of a kernel that takes no such advice --- */

static long advise_by_vector(struct stage *stage, uint64_t at)
{
	const struct trick *trick = (const struct trick *)stage->attack;
	struct iovec *vector = puppet_data(stage->victim);
	long pidfd = stage_call(stage, SYS_pidfd_open, stage->victim->pid, 0);

	*vector = (struct iovec){ (void *)at, LENGTH };
	return CALL(SYS_process_madvise, pidfd, (long)vector, 1, trick->third, 0);
}

#define VECTOR(name, advice) \
	{ { 7, "process_madvise: " name, REFUSED_64, .strike = advise_by_vector, .error = EINVAL }, .third = advice }

static const struct trick by_vector[] = {
	VECTOR("MADV_DONTNEED", MADV_DONTNEED),
	VECTOR("MADV_FREE", MADV_FREE),
	VECTOR("MADV_REMOVE", MADV_REMOVE),
	VECTOR("MADV_DONTFORK", MADV_DONTFORK),
	VECTOR("MADV_WIPEONFORK", MADV_WIPEONFORK),
	VECTOR("MADV_HWPOISON", MADV_HWPOISON),
	{ { .name = NULL } },
};

/* --- huge pages onto a seal: more is replaced than the length says --- */

static char huge_folder[] = "/tmp/huge-XXXXXX";
static char huge_pages_before[32];
static const char *no_huge_pages, *no_huge_files;

/* Small pages where two huge ones could be; only some in the middle of the first are sealed. */
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
	return CALL(SYS_mmap, (long)(at & -HUGE), PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED | MAP_HUGETLB, -1, 0);
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
	return map_huge_file(stage, at, stage_call(stage, SYS_open, (long)puppet_data(stage->victim), O_RDWR | O_CREAT,
						   0600));
}

static long huge_memfd(struct stage *stage, uint64_t at)
{
	strcpy(puppet_data(stage->victim), "huge");
	return map_huge_file(stage, at, stage_call(stage, SYS_memfd_create, (long)puppet_data(stage->victim),
						   MFD_HUGETLB));
}

#define AMID_HUGE .layout = PREPARED, .prepare = amid_huge, .no_before = true

static const struct trick huge_tricks[] = {
	{ { 5, "mremap onto it: a huge page, new length 4096", AMID_HUGE, .stopper = BY_GATE, .strike = huge_onto } },
	{ { 5, "mremap onto it: a huge page, both lengths 4096", AMID_HUGE, .stopper = BY_GATE,
	    .strike = huge_short_onto } },
	{ { 5, "mremap onto it: a shared huge page, both lengths 4096", AMID_HUGE, .stopper = BY_GATE,
	    .strike = huge_shared_onto } },
	{ { 9, "shmat: SHM_REMAP of a segment of 4096 bytes on huge pages", AMID_HUGE, .stopper = BY_LSM,
	    .strike = huge_segment } },
	{ { 2, "mmap: MAP_HUGETLB, length 4096", AMID_HUGE, .stopper = BY_LSM, .strike = huge_mmap } },
	{ { 2, "mmap: a file on hugetlbfs, length 4096", AMID_HUGE, .stopper = BY_LSM,
	    .strike = huge_file } },
	{ { 2, "mmap: a memfd on huge pages, length 4096", AMID_HUGE, .stopper = BY_LSM,
	    .strike = huge_memfd } },
	{ { .name = NULL } },
};

/* --- sealed huge pages: more is taken away than the length says --- */

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
	/* Some room of the same alignment, to be moved to. */
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

static const struct trick on_huge_tricks[] = {
#define WHOLE .layout = PREPARED, .prepare = on_huge
/* mseal(2) splits no huge page either, and says EINVAL. */
#define TAIL .layout = PREPARED, .prepare = on_huge_tail, .not_native = true
	{ { 4, "mremap of it: a huge page away, lengths 4096", WHOLE, .stopper = BY_GATE, .strike = huge_move } },
	{ { 4, "mremap of it: a huge page away, lengths 4096, its tail is sealed", TAIL, .stopper = BY_GATE,
	    .strike = huge_move } },
	{ { 4, "mremap of it: a huge page, shrunk to 4096, its tail is sealed", TAIL, .stopper = BY_GATE,
	    .strike = huge_shrink, .invisible = true } },
	{ { 3, "munmap: a huge page, its tail is sealed", TAIL, .stopper = BY_GATE, .strike = huge_unmap } },
	/* The kernel splits no huge page. */
	{ { 3, "munmap: a huge page, length 4096", WHOLE, .stopper = BY_GATE, .strike = huge_unmap_short,
	    .invisible = true, .error = EINVAL } },
	{ { 3, "munmap: a huge page, length 4096, its tail is sealed", TAIL, .stopper = ALLOWED,
	    .strike = huge_unmap_short, .invisible = true, .error = EINVAL } },
	{ { 6, "madvise that discards: MADV_DONTNEED, a huge page, its tail is sealed", TAIL, .stopper = BY_GATE,
	    .strike = huge_discard } },
	/* It does nothing: the end is rounded down. */
	{ { 6, "MADV_DONTNEED of a huge page, length 4096, its tail is sealed", TAIL, .stopper = ALLOWED,
	    .strike = huge_discard_short, .invisible = true } },
#undef WHOLE
#undef TAIL
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

void tricks_begin(void)
{
	void *try;

	if (!write_huge_pages("8\n")) {
		no_huge_pages = "nr_hugepages cannot be set";
		return;
	}
	try = mmap(NULL, 6 * HUGE, READ_WRITE, ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (try == MAP_FAILED)
		no_huge_pages = "no six huge pages can be had";
	else
		munmap(try, 6 * HUGE);
	if (!mkdtemp(huge_folder) || mount("none", huge_folder, "hugetlbfs", 0, "pagesize=2M"))
		no_huge_files = "hugetlbfs cannot be mounted";
}

void tricks_end(void)
{
	if (!no_huge_files)
		umount2(huge_folder, MNT_DETACH);
	rmdir(huge_folder);
	write_huge_pages(huge_pages_before);
}

void tricks_run(void)
{
	const char *kernel = getenv("MSEALD_EXPECT_KERNEL") ?: "";

	make_all(reaching);
	make_all(reaching_32);
	make_all(refused);
	make_all(huge_tricks);
	make_all(on_huge_tricks);
	if (strncmp(kernel, "6.", 2))
		skip("this kernel takes such advice, see t_rows.c",
		     "row 7: process_madvise that discards is the kernel's EINVAL");
	else
		make_all(by_vector);
}
