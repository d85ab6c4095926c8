/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Splits an address space into segments: the mappings of each object (a mapped ELF file) by its program
 * headers, and the kernel's own mappings.
 *   text    executable PT_LOAD            rodata  neither writable nor executable PT_LOAD
 *   relro   PT_GNU_RELRO, once read-only  data    writable PT_LOAD, its .bss included
 *   vdso    [vdso] [vvar] [vvar_vclock]; mappings of the kernel above user memory are left out
 *   stack   [stack] of the first thread
 * Heaps, thread stacks, JIT code and files that are not ELF belong to no segment.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mseald/shared.h"
#include "lib/proc/objects.h"
#include "lib/proc/maps.h"

struct segment {
	uint64_t start, end; /* page aligned */
	enum mseald_segment kind;
	int object;		       /* index in the objects; -1: the kernel's own mapping */
	const struct mapping *mapping; /* the mapping that contains it; belongs to the proc_maps */
};

struct segments {
	struct segment *list; /* sorted, disjoint */
	size_t count;
	struct objects objects; /* relro_open marks those with unfinished relocation */
};

/*
 * Splits maps into segments. proc_dirfd is an open /proc/PID; the objects' program headers are read through
 * its map_files (then root). -ENOMEM.
 *
 *   - Part of a mapping can be relro and the rest rodata or data.
 *   - A PT_LOAD both writable and executable is data.
 *   - An object whose headers cannot be read or are not valid is classed by its permissions alone (relro then
 *     counts as rodata), if any of it is executable.
 *   - An ELF file that is only mapped to be read, or not yet loaded as a whole, has no segment.
 */
int segments_resolve(const struct proc_maps *maps, int proc_dirfd, struct segments *ret);
/* The same with the objects that objects_find() found in maps. Takes them, also when it fails. */
int segments_split(const struct proc_maps *maps, struct objects *objects, struct segments *ret);
void segments_free(struct segments *segments); /* takes NULL and zeroed */
