/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loaded objects of a process, and their addresses: mappings of one file that belong together by its
 * program headers. A file that is only mapped to be read, or not yet loaded as a whole, is not an object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/elf/object.h"
#include "lib/proc/maps.h"

struct object {
	const struct mapping *file; /* one of its mappings; belongs to the proc_maps */
	struct elf_object elf;
	uint64_t bias;	     /* difference of its addresses to those in the file */
	uint64_t start, end; /* range of its image */
	bool unknown;	     /* headers unreadable or invalid: elf is empty */
	bool relro_open;     /* segments_resolve() found some of its PT_GNU_RELRO writable */
};

struct objects {
	struct object *list; /* by file, then address */
	size_t count, allocated;
};

/*
 * Finds the objects. proc_dirfd is an open /proc/PID; the files are read through its map_files (then root).
 * Each loaded copy is an object of its own. -ENOMEM.
 */
int objects_find(const struct proc_maps *maps, int proc_dirfd, struct objects *ret);
/*
 * A descriptor to read the object's file: the mapped file itself, deleted or not, if possible. Negative
 * errno.
 */
int object_open(const struct object *object, int proc_dirfd);
/*
 * Opens a regular file by a path of that process, to read it. Symbolic links are followed as the process
 * would, and stay below its root. inode, unless 0, must be the file's. Negative errno; -ENOEXEC: not a
 * regular file.
 */
int objects_open_file(int proc_dirfd, const char *path, uint64_t inode);
void objects_free(struct objects *objects); /* takes NULL and zeroed */
