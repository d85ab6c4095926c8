/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The map `files`: files that no process may write, because of seals with the deny bit file-write. Each entry
 * has the number of seal sets that need it. Files that only their sealed process may not write: in the set.
 */
#pragma once

#include "bpf/programs.h"
#include "seal/sealset.h"

/*
 * Enters the files of a set, all or none; attempts are reported for the address space of this key. Returns
 * their number; -ENOSPC: the map has MSEALD_MAX_FILES; or another negative errno.
 */
int file_map_add(struct programs *programs, const struct sealset *set, uint64_t space);
/* Removes them again, except those that other sets need. */
void file_map_remove(struct programs *programs, const struct sealset *set);

/* The wanted contents of the map: one entry for each file of each set. */
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
/* Makes the map equal to the table; files that stay are protected throughout. On error none is removed. */
int file_map_restore(struct programs *programs, struct file_map_table *table);
