/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * With huge pages of 1 GiB by default (default_hugepagesz=1G), calls without a size take that much. Only in a
 * VM that is booted so and has the room:
 *
 *   MSEALD_APPEND='default_hugepagesz=1G hugepagesz=1G hugepages=4' MSEALD_MEM=7168
 *   tests/kernel/run 7.3 t_giga
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"
#include "ways.h"

#define GIGA (1ul << 30)
#define HUGE (2ul << 20)
#define LENGTH (TARGET_PAGES * PAGE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)
#define FAR 0x100000000000l /* unused address */

#define CALL(...) stage_attack(stage, __VA_ARGS__)

/* Some sealed pages, far from the start of the only gigabyte that contains them. */
static void in_gigabyte(struct stage *stage)
{
	uint64_t at = FAR + 4 * HUGE;

	for (int i = 0; i < 2; i++, at += 2 * GIGA) {
		stage_call(stage, SYS_mmap, (long)at, LENGTH, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0);
		stage_fill(stage, at, LENGTH, 43);
		stage_call(stage, SYS_mprotect, (long)at, LENGTH, PROT_READ);
		*(i ? &stage->control[0] : &stage->target) = at;
	}
}

/* A huge page, and sealed pages within the gigabyte after it. */
static void behind_gigabyte(struct stage *stage)
{
	in_gigabyte(stage);
	stage->control[0] = 0;
	stage_call(stage, SYS_mmap, FAR - (long)GIGA, (long)GIGA, READ_WRITE,
		   ANONYMOUS | MAP_FIXED | MAP_HUGETLB, -1, 0);
}

static long start_of(uint64_t at)
{
	return (long)(at & -GIGA);
}

static long map_giga(struct stage *stage, uint64_t at)
{
	return CALL(SYS_mmap, start_of(at), PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED | MAP_HUGETLB, -1, 0);
}

static long map_giga_file(struct stage *stage, uint64_t at)
{
	long fd, result;

	strcpy(puppet_data(stage->victim), "huge");
	fd = stage_call(stage, SYS_memfd_create, (long)puppet_data(stage->victim), MFD_HUGETLB);
	result = CALL(SYS_mmap, start_of(at), PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (!stage->victim->dead)
		CALL(SYS_close, fd);
	return result;
}

static long attach_giga(struct stage *stage, uint64_t at)
{
	long id = stage_call(stage, SYS_shmget, IPC_PRIVATE, PAGE, IPC_CREAT | SHM_HUGETLB | 0600), result;

	if (stage->trouble[0])
		return 0;
	result = CALL(SYS_shmat, id, start_of(at), SHM_REMAP);
	shmctl((int)id, IPC_RMID, NULL);
	return result;
}

static long move_giga(struct stage *stage, uint64_t at)
{
	long source = FAR + 8 * (long)GIGA;

	stage_call(stage, SYS_mmap, source, (long)GIGA, READ_WRITE, ANONYMOUS | MAP_FIXED | MAP_HUGETLB, -1,
		   0);
	return CALL(SYS_mremap, source, PAGE, PAGE, MOVE, start_of(at));
}

static long shrink_giga(struct stage *stage, uint64_t at)
{
	return CALL(SYS_mremap, start_of(at) - (long)GIGA, GIGA + PAGE, PAGE, 0);
}

static const struct attack giga_attacks[] = {
#define GIGABYTE PREPARED, .prepare = in_gigabyte, .no_before = true, .abis = 1u << ABI_64
	{ 2, "mmap: MAP_HUGETLB of 1 GiB, length 4096", GIGABYTE, .mechanism = BY_LSM, .strike = map_giga },
	{ 2, "mmap: a memfd on pages of 1 GiB, length 4096", GIGABYTE, .mechanism = BY_LSM,
	  .strike = map_giga_file },
	{ 9, "shmat: a segment of 4096 bytes on pages of 1 GiB", GIGABYTE, .mechanism = BY_LSM,
	  .strike = attach_giga },
	{ 5, "mremap onto it: a page of 1 GiB, both lengths 4096", GIGABYTE, .mechanism = BY_GATE,
	  .strike = move_giga },
#undef GIGABYTE
	{ 4, "mremap of it: a page of 1 GiB before it, shrunk", PREPARED, .mechanism = BY_GATE,
	  .strike = shrink_giga, .prepare = behind_gigabyte, .no_before = true, .abis = 1u << ABI_64 },
	{ .name = NULL },
};

static bool pages_are_giga(void)
{
	char line[128];
	unsigned long kilobytes = 0;
	FILE *file = fopen("/proc/meminfo", "re");

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "Hugepagesize: %lu", &kilobytes);
	if (file)
		fclose(file);
	return kilobytes == GIGA / 1024;
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	if (!pages_are_giga()) {
		skip("huge pages do not have 1 GiB by default here",
		     "what takes 1 GiB though it says 4096 bytes");
		return tap_end();
	}
	ways_begin();
	make_attacks(giga_attacks, ~0u);
	ways_end();
	daemon_stop(SIGTERM);
	return tap_end();
}
