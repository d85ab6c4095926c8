/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The objects that are loaded in a process, and where: mappings of one file
 * whose program headers say that they belong together. A file that is only
 * mapped to be read, or not yet loaded as a whole, is no object.
 */
#ifndef MSEALD_PROC_OBJECTS_H
#define MSEALD_PROC_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/elf/object.h"
#include "lib/proc/maps.h"

struct object {
	const struct mapping *file; /* a mapping of it; belongs to the proc_maps */
	struct elf_object elf;
	uint64_t bias;	     /* what its addresses are moved by */
	uint64_t start, end; /* its image */
	bool unknown;	     /* its headers cannot be read or lie: elf says nothing */
	bool relro_open;     /* segments_resolve() found some of its PT_GNU_RELRO writable */
};

struct objects {
	struct object *list; /* by file, then address */
	size_t count, allocated;
};

/*
 * proc_dirfd is an open /proc/PID, through whose map_files (then root) the
 * files are read. Each loaded copy is an object of its own. -ENOMEM.
 */
int objects_find(const struct proc_maps *maps, int proc_dirfd, struct objects *ret);
/*
 * A descriptor to read its file by: the very one that is mapped, deleted or not, if that may be
 * had. Negative errno.
 */
int object_open(const struct object *object, int proc_dirfd);
/*
 * Opens a regular file by a path of that process, to read it. Symbolic links are the process's own and stay
 * below its root. inode, unless 0, must be the file's. Negative errno; -ENOEXEC: it is not regular.
 */
int objects_open_file(int proc_dirfd, const char *path, uint64_t inode);
void objects_free(struct objects *objects); /* takes NULL and zeroed */

#endif
