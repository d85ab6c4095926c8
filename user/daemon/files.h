/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The map `files`: what nobody at all may write, because of seals with the stop
 * file-write. Each file has the number of seal sets that want that. What only
 * who has it sealed may not write is in the set itself.
 */
#ifndef MSEALD_FILES_H
#define MSEALD_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "programs.h"
#include "lib/sealset.h"

/*
 * Enters the files of a set, all or none: for the address space of this key, which attempts
 * are told of. How many; -ENOSPC: there are MSEALD_MAX_FILES, or another negative errno.
 */
int files_add(struct programs *programs, const struct sealset *set, uint64_t space);
/* Takes them out again, but for those that other sets want. */
void files_remove(struct programs *programs, const struct sealset *set);

/* What should be in the map: one entry for each file of each set. */
struct files_entry {
	struct mseald_inode inode;
	struct mseald_file_seals seals;
};

struct files_table {
	struct files_entry *list;
	size_t count, allocated;
};

int files_table_add(struct files_table *table, const struct sealset *set);	/* -ENOMEM */
void files_table_free(struct files_table *table);	/* takes zeroed; leaves it zeroed */
/* Makes the map say just that; what stays in it is in force throughout. Negative errno: nothing was taken out. */
int files_restore(struct programs *programs, struct files_table *table);

#endif
