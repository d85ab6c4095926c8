/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The map `files`: files that nobody may write, because of seals with the deny bit
 * file-write. Each file has the number of seal sets that want that. What only
 * who has it sealed may not write is in the set itself.
 */
#ifndef MSEALD_SEAL_FILE_MAP_H
#define MSEALD_SEAL_FILE_MAP_H

#include "bpf/programs.h"
#include "seal/sealset.h"

/*
 * Enters the files of a set, all or none: for the address space of this key, which
 * attempts are reported for. How many; -ENOSPC: there are MSEALD_MAX_FILES, or another negative errno.
 */
int file_map_add(struct programs *programs, const struct sealset *set, uint64_t space);
/* Takes them out again, but for those that other sets want. */
void file_map_remove(struct programs *programs, const struct sealset *set);

/* What should be in the map: one entry for each file of each set. */
struct file_map_entry {
	struct mseald_inode inode;
	struct mseald_file_seals seals;
};

struct file_map_table {
	struct file_map_entry *list;
	size_t count, allocated;
};

int file_map_table_add(struct file_map_table *table, const struct sealset *set); /* -ENOMEM */
void file_map_table_free(struct file_map_table *table); /* takes zeroed; leaves it zeroed */
/*
 * Makes the map say just that; what stays in it is active throughout. Negative errno: nothing was
 * taken out.
 */
int file_map_restore(struct programs *programs, struct file_map_table *table);

#endif
