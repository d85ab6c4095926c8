/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attacks that only a gate can deny: rows 3, 4, 5 and 8 of docs/design/model.md. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "attack.h"
#include "lib/proc/maps.h"

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
#define I386_IPC 117
#define IPC_SHMDT 22
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

/* Other memory of the victim, which is moved onto the seal, or target of a move. */
static uint64_t elsewhere(struct stage *stage, unsigned long length)
{
	uint64_t start = stage_map(stage, length, PROT_READ | PROT_WRITE, ANONYMOUS);

	stage_fill(stage, start, length, 99);
	return start;
}

static uint64_t elsewhere_shared(struct stage *stage, unsigned long length)
{
	return stage_map(stage, length, PROT_READ, MAP_SHARED | MAP_ANONYMOUS);
}

/* --- row 3: munmap --- */

STRIKE(unmap, CALL(SYS_munmap, at, LENGTH))
STRIKE(unmap_middle, CALL(SYS_munmap, at + PAGE, PAGE))
STRIKE(unmap_from_below, CALL(SYS_munmap, at - 2 * PAGE, 3 * PAGE))
STRIKE(unmap_from_above, CALL(SYS_munmap, at + 3 * PAGE, 3 * PAGE))
STRIKE(unmap_around, CALL(SYS_munmap, at - 2 * PAGE, LENGTH + 4 * PAGE))
STRIKE(unmap_tagged, CALL(SYS_munmap, TAGGED(at), LENGTH))
STRIKE(unmap_odd_length, CALL(SYS_munmap, at - PAGE, PAGE + 1))

/* The target is a mapping of its own, and so are both controls. */
static void apart(struct stage *stage)
{
	for (int i = 0; i < 3; i++) {
		uint64_t start = i ? stage->control[i - 1] : stage->target;

		stage_call(stage, SYS_munmap, (long)(start - PAGE), PAGE);
		stage_call(stage, SYS_munmap, (long)(start + LENGTH), PAGE);
	}
}

/* --- row 4: mremap of it --- */

STRIKE(shrink, CALL(SYS_mremap, at, LENGTH, PAGE, 0))
STRIKE(shrink_tagged, CALL(SYS_mremap, TAGGED(at), LENGTH, PAGE, 0))
STRIKE(shrink_tail, CALL(SYS_mremap, at - 2 * PAGE, 6 * PAGE, 2 * PAGE, 0))
STRIKE(shrink_to_it, CALL(SYS_mremap, at + 3 * PAGE, 3 * PAGE, PAGE, 0))
STRIKE(grow_in_place, CALL(SYS_mremap, at, LENGTH, LENGTH + PAGE, 0))
STRIKE(grow_and_move, CALL(SYS_mremap, at, LENGTH, 2 * LENGTH, MREMAP_MAYMOVE))
STRIKE(move_away,
       CALL(SYS_mremap, at, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere(stage, LENGTH)))
STRIKE(move_part_away, CALL(SYS_mremap, at - PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			    elsewhere(stage, 2 * PAGE)))
STRIKE(move_shrunk,
       CALL(SYS_mremap, at, LENGTH, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere(stage, LENGTH)))
STRIKE(dontunmap, CALL(SYS_mremap, at, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0))
STRIKE(dontunmap_fixed, CALL(SYS_mremap, at, LENGTH, LENGTH, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED,
			     elsewhere(stage, LENGTH)))
STRIKE(duplicate, CALL(SYS_mremap, at, 0, LENGTH, MREMAP_MAYMOVE))

/* At the start of each mapping, with room after it to grow into. */
static void with_room(struct stage *stage)
{
	stage->control[0] = stage->target + 8 * PAGE;
	stage->control[1] = stage->target - 8 * PAGE;
	apart(stage);
}

/* The control moves nothing after the target away. */
static void without_room(struct stage *stage)
{
	stage->control[0] += LENGTH;
}

/* --- row 5: mremap onto it --- */

static long onto(struct stage *stage, unsigned long old, unsigned long new, long flags, uint64_t target)
{
	uint64_t source = elsewhere(stage, old);

	return CALL(SYS_mremap, source, old, new, MREMAP_MAYMOVE | MREMAP_FIXED | flags, target);
}

static long onto_shared(struct stage *stage, uint64_t at)
{
	uint64_t source = elsewhere_shared(stage, LENGTH);

	return CALL(SYS_mremap, source, 0, LENGTH, MREMAP_MAYMOVE | MREMAP_FIXED, at);
}

STRIKE(onto_it, onto(stage, LENGTH, LENGTH, 0, at))
STRIKE(onto_from_below, onto(stage, 3 * PAGE, 3 * PAGE, 0, at - 2 * PAGE))
STRIKE(onto_from_above, onto(stage, 3 * PAGE, 3 * PAGE, 0, at + 3 * PAGE))
STRIKE(onto_around, onto(stage, LENGTH + 4 * PAGE, LENGTH + 4 * PAGE, 0, at - 2 * PAGE))
STRIKE(onto_one_page, onto(stage, PAGE, PAGE, 0, at + PAGE))
STRIKE(onto_growing, onto(stage, 2 * PAGE, LENGTH, 0, at - 2 * PAGE))
STRIKE(onto_shrinking, onto(stage, LENGTH, PAGE, 0, at))
STRIKE(onto_dontunmap, onto(stage, LENGTH, LENGTH, MREMAP_DONTUNMAP, at))

/* --- row 8: brk --- */

static long break_to(struct stage *stage, uint64_t address)
{
	long result = CALL(SYS_brk, address);

	/* For a break that cannot be moved, brk returns the old one. */
	return result < 0 || result == (long)address ? result : -ENOMEM;
}

STRIKE(break_into, break_to(stage, at))
STRIKE(break_below, break_to(stage, at - 2 * PAGE))
STRIKE(break_odd, break_to(stage, at + LENGTH - PAGE - 1))
STRIKE(break_grow, break_to(stage, at + LENGTH + 40 * PAGE))

/* The heap of a 64-bit program may be out of reach of 32 bits: makes another, of 20 pages. */
static uint64_t low_heap(struct stage *stage)
{
	uint64_t start = stage_map(stage, 120 * PAGE, PROT_READ | PROT_WRITE, ANONYMOUS);

	stage_call(stage, SYS_munmap, (long)(start + 20 * PAGE), 100 * PAGE);
	stage_call(stage, SYS_prctl, PR_SET_MM, PR_SET_MM_START_BRK, (long)start, 0, 0);
	stage_call(stage, SYS_prctl, PR_SET_MM, PR_SET_MM_BRK, (long)(start + 20 * PAGE), 0, 0);
	return start;
}

static void with_heap(struct stage *stage)
{
	uint64_t start;

	if (stage->abi == ABI_INT80)
		start = low_heap(stage);
	else
		start = ((uint64_t)stage_call(stage, SYS_brk, 0) + PAGE - 1) & -PAGE;
	if (!stage->trouble[0] && break_to(stage, start + 20 * PAGE) < 0)
		stage_trouble(stage, "the break cannot be moved up");
	stage->target = start + 6 * PAGE;
	stage->control[0] = stage->target + LENGTH + stage->attack->below * PAGE;
	stage_fill(stage, start, 20 * PAGE, 5);
}

/* --- row 8: shmdt --- */

STRIKE(detach, CALL(SYS_shmdt, at))
STRIKE(detach_rest, CALL(SYS_shmdt, at - PAGE))
/* The i386 multiplexer accepts any version in the upper half of its first argument (ipc/syscall.c). */
STRIKE(detach_by_ipc, puppet_call_32(stage->victim, I386_IPC, IPC_SHMDT, 0, 0, 0, (long)at))
STRIKE(detach_by_ipc_version,
       puppet_call_32(stage->victim, I386_IPC, 0xffff0000l | IPC_SHMDT, 0, 0, 0, (long)at))

static void attach_at(struct stage *stage, uint64_t address, unsigned long length)
{
	long id = stage_call(stage, SYS_shmget, IPC_PRIVATE, (long)length, IPC_CREAT | 0600);

	stage_call(stage, SYS_shmat, id, (long)address, SHM_REMAP);
	stage_call(stage, SYS_shmctl, id, IPC_RMID, 0);
	stage_fill(stage, address, length, 5);
}

static void with_segments(struct stage *stage)
{
	attach_at(stage, stage->target, LENGTH);
	attach_at(stage, stage->control[0], LENGTH);
	attach_at(stage, stage->control[1], LENGTH);
}

/* Segments without their first page: shmdt takes the address where it was. */
static void with_cut_segments(struct stage *stage)
{
	for (int i = 0; i < 3; i++) {
		uint64_t start = (i ? stage->control[i - 1] : stage->target) - PAGE;

		attach_at(stage, start, LENGTH + PAGE);
		stage_call(stage, SYS_munmap, (long)start, PAGE);
	}
}

/* Only the last page of the segment is sealed; shmdt would remove all of it. */
static void with_sealed_tail(struct stage *stage)
{
	with_segments(stage);
	stage->own[0] = (long)stage->target;
	stage->target += 3 * PAGE;
	stage->length = PAGE;
}

static long detach_whole(struct stage *stage, uint64_t at)
{
	return CALL(SYS_shmdt, at == stage->target ? stage->own[0] : (long)at);
}

/* --- row 8: io_destroy, which unmaps the address that the kernel stored --- */

static void reuse_ring(struct stage *stage, uint64_t at)
{
	char head[PAGE];

	/* The kernel finds the context by a number in the ring. */
	stage_peek(stage, at, head, sizeof(head));
	stage_call(stage, SYS_munmap, (long)at, (long)stage->length);
	stage_call(stage, SYS_mmap, (long)at, (long)stage->length, PROT_READ | PROT_WRITE,
		   ANONYMOUS | MAP_FIXED, -1, 0);
	stage_poke(stage, at, head, sizeof(head));
	stage_call(stage, SYS_mprotect, (long)at, (long)stage->length, PROT_READ);
}

STRIKE(destroy_ring, CALL(SYS_io_destroy, at))

static void with_rings(struct stage *stage)
{
	aio_context_t *context = puppet_data(stage->victim);
	const struct mapping *mapping;
	struct proc_maps maps;

	for (int i = 0; i < 2; i++) {
		*context = 0;
		/* The attack's own ABI makes the ring, so that the ring has an address in its reach. */
		if (CALL(SYS_io_setup, 1, (long)context))
			stage_trouble(stage, "io_setup fails");
		if (stage->trouble[0] || proc_maps_read(stage->victim->pid, &maps) < 0)
			return;
		mapping = proc_maps_find(&maps, *context);
		if (!mapping || !strstr(mapping->path, "aio")) {
			stage_trouble(stage, "there is no ring at %#lx", (unsigned long)*context);
		} else {
			stage->length = mapping->end - mapping->start;
			reuse_ring(stage, *context);
		}
		proc_maps_free(&maps);
		*(i ? &stage->target : &stage->control[0]) = *context;
	}
}

const struct attack gate_attacks[] = {
	{ 3, "munmap: all of it", ANON_READ, BY_GATE, .strike = unmap },
	{ 3, "munmap: writable memory", ANON_WRITE, BY_GATE, .strike = unmap },
	{ 3, "munmap: a file", FILE_READ, BY_GATE, .strike = unmap },
	{ 3, "munmap: a shared file", SHARED_READ, BY_GATE, .strike = unmap },
	{ 3, "munmap: a whole mapping", ANON_READ, BY_GATE, .strike = unmap, .prepare = apart, .below = 4,
	  .above = 4 },
	{ 3, "munmap: one page of it", ANON_READ, BY_GATE, .strike = unmap_middle },
	{ 3, "munmap: into it from below", ANON_READ, BY_GATE, .strike = unmap_from_below, .below = 2 },
	{ 3, "munmap: out of it", ANON_READ, BY_GATE, .strike = unmap_from_above, .above = 2 },
	{ 3, "munmap: around it", ANON_READ, BY_GATE, .strike = unmap_around, .below = 2, .above = 2 },
	{ 3, "munmap: one byte of it, rounded up", ANON_READ, BY_GATE, .strike = unmap_odd_length,
	  .below = 1 },
	{ 3, "munmap: a tagged address", ANON_READ, BY_GATE, .strike = unmap_tagged, .prepare = with_tags,
	  .abis = ABIS_64 },

	{ 4, "mremap of it: a tagged address", ANON_READ, BY_GATE, .strike = shrink_tagged,
	  .prepare = with_tags, .abis = ABIS_64 },
	{ 4, "mremap of it: shrink", ANON_READ, BY_GATE, .strike = shrink },
	/* above: so that the control does not change memory below the target */
	{ 4, "mremap of it: shrink, the seal is what goes", ANON_READ, BY_GATE, .strike = shrink_tail,
	  .below = 2, .above = 2 },
	{ 4, "mremap of it: shrink, the seal is what stays", ANON_READ, BY_GATE, .strike = shrink_to_it,
	  .above = 2, .invisible = true },
	{ 4, "mremap of it: grow in place", ANON_READ, BY_GATE, .strike = grow_in_place, .prepare = with_room,
	  .invisible = true },
	{ 4, "mremap of it: grow and move", ANON_READ, BY_GATE, .strike = grow_and_move,
	  .prepare = without_room },
	{ 4, "mremap of it: MREMAP_FIXED away", ANON_READ, BY_GATE, .strike = move_away },
	{ 4, "mremap of it: a file, MREMAP_FIXED away", FILE_READ, BY_GATE, .strike = move_away },
	{ 4, "mremap of it: part of it, MREMAP_FIXED away", ANON_READ, BY_GATE, .strike = move_part_away,
	  .below = 1,
	  /* mseal(2) has split the mapping. */
	  .natively = "EFAULT" },
	{ 4, "mremap of it: shrink and MREMAP_FIXED away", ANON_READ, BY_GATE, .strike = move_shrunk },
	{ 4, "mremap of it: MREMAP_DONTUNMAP", ANON_READ, BY_GATE, .strike = dontunmap },
	{ 4, "mremap of it: MREMAP_DONTUNMAP and MREMAP_FIXED", ANON_READ, BY_GATE,
	  .strike = dontunmap_fixed },
	{ 4, "mremap of it: old length 0", SHARED_READ, BY_GATE, .strike = duplicate, .invisible = true },

	{ 5, "mremap onto it: all of it", ANON_READ, BY_GATE, .strike = onto_it },
	{ 5, "mremap onto it: a file", FILE_READ, BY_GATE, .strike = onto_it },
	{ 5, "mremap onto it: reaching into it from below", ANON_READ, BY_GATE, .strike = onto_from_below,
	  .below = 2 },
	{ 5, "mremap onto it: reaching out of it", ANON_READ, BY_GATE, .strike = onto_from_above,
	  .above = 2 },
	{ 5, "mremap onto it: and around it", ANON_READ, BY_GATE, .strike = onto_around, .below = 2,
	  .above = 2 },
	{ 5, "mremap onto it: one page of it", ANON_READ, BY_GATE, .strike = onto_one_page },
	{ 5, "mremap onto it: only what grows meets it", ANON_READ, BY_GATE, .strike = onto_growing,
	  .below = 2 },
	{ 5, "mremap onto it: shrinking", ANON_READ, BY_GATE, .strike = onto_shrinking },
	{ 5, "mremap onto it: MREMAP_DONTUNMAP", ANON_READ, BY_GATE, .strike = onto_dontunmap },
	{ 5, "mremap onto it: old length 0", ANON_READ, BY_GATE, .strike = onto_shared },

	{ 8, "brk into it: at its start", PREPARED, BY_GATE, .strike = break_into, .prepare = with_heap,
	  .natively = "ENOMEM", .no_before = true },
	{ 8, "brk into it: over all of it", PREPARED, BY_GATE, .strike = break_below, .prepare = with_heap,
	  .natively = "ENOMEM", .below = 2, .no_before = true },
	{ 8, "brk into it: its last page, rounded up", PREPARED, BY_GATE, .strike = break_odd,
	  .prepare = with_heap, .natively = "ENOMEM", .no_before = true },
	{ 8, "brk above it: growing", PREPARED, ALLOWED, .strike = break_grow, .prepare = with_heap,
	  .no_before = true, .invisible = true },
	{ 8, "shmdt: of it", ANON_READ, BY_GATE, .strike = detach, .prepare = with_segments,
	  .natively = "kept" },
	{ 8, "shmdt: its last page only is sealed", ANON_READ, BY_GATE, .strike = detach_whole,
	  .prepare = with_sealed_tail, .natively = "kept" },
	{ 8, "shmdt: of what is left of it", ANON_READ, BY_GATE, .strike = detach_rest,
	  .prepare = with_cut_segments, .natively = "kept", .below = 1, .above = 1 },
	{ 8, "shmdt by ipc: of it", ANON_READ, BY_GATE, .strike = detach_by_ipc, .prepare = with_segments,
	  .natively = "kept", .abis = ABIS_32 },
	{ 8, "shmdt by ipc: a version in the upper half", ANON_READ, BY_GATE, .strike = detach_by_ipc_version,
	  .prepare = with_segments, .natively = "kept", .abis = ABIS_32 },
	{ 8, "io_destroy: its ring's address was used again", PREPARED, BY_KILL, .strike = destroy_ring,
	  .prepare = with_rings, .natively = "kept", .no_before = true },
	{ .name = NULL },
};
