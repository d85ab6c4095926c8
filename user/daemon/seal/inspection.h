/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read of the memory of a process, and of the files that it maps: by the reader, process/reader.h. */
#pragma once

#include "bpf/task_iter.h"
#include "lib/proc/objects.h"
#include "process/target.h"

struct inspection {
	struct proc_maps maps;
	struct task_vmas vmas; /* the same mappings; one that was added meanwhile is missing in one of them */
	struct objects objects;
	/* Objects that the kernel has mapped at the exec: their indexes, -1: not found. */
	int program, loader;
	bool *late; /* of each object: loaded by dlopen(3); NULL: not looked at */
};

enum inspection_late {
	INSPECTION_NEVER,
	INSPECTION_IF_PLAIN, /* if a library has no RELRO */
	INSPECTION_ALWAYS,
};

/* Reads everything, late as asked for. Negative errno, and those of reader_run(). */
int inspection_read(struct programs *programs, const struct target *target, enum inspection_late late,
		    struct inspection *ret);

/*
 * Reads maps and vmas only, after waiting for the calls that are changing the memory: reading the pagemap at
 * an address takes mmap_lock (fs/proc/task_mmu.c).
 */
int inspection_read_again(struct programs *programs, const struct target *target, uint64_t address,
			  struct inspection *ret);

void inspection_free(struct inspection *inspection); /* takes zeroed; leaves it zeroed */

/* Reads only the mappings of a process: by its pid, or of a target. */
int inspection_read_pid(pid_t pid, uint32_t account, struct proc_maps *ret);
int inspection_read_maps(const struct target *target, struct proc_maps *ret);

/* Does the object's file have a symbol of this name? Else false, also if it cannot be read. */
bool inspection_has_symbol(const struct target *target, const struct object *object, const char *name);
