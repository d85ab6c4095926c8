/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seal sets in the maps, by id. A set is written once and never changed but for
 * its hit counts. Whoever refers to it is counted in the kernel; when nobody does
 * it is collected, after a grace period in which programs may still be reading it.
 */
#ifndef MSEALD_SETS_H
#define MSEALD_SETS_H

#include <stddef.h>
#include <stdint.h>

#include "programs.h"
#include "lib/sealset.h"

struct sets;

/* With those that an earlier daemon left. */
int sets_open(struct programs *programs, struct sets **ret);
struct sets *sets_close(struct sets *sets);		/* takes NULL, returns NULL; the maps stay */

/* -ENOENT: no such set; -EBADMSG: not one that was written by us. */
int sets_read(struct sets *sets, uint32_t id, struct sealset *ret);

/* How many seals it has; asked of the map once. */
int sets_read_count(struct sets *sets, uint32_t id, size_t *ret);

/*
 * A new one, not empty, that nobody refers to yet, for the address space of this key. -ENOSPC: there are
 * MSEALD_MAX_SETS, or MSEALD_MAX_FILES; -E2BIG: more than MSEALD_MAX_SEALS.
 */
int sets_write(struct sets *sets, const struct sealset *set, uint64_t space, uint32_t *ret);
/* How many have been: while this is the same, no id has come to mean another set. */
uint64_t sets_written(const struct sets *sets);
/* One that nobody came to refer to. */
void sets_unwrite(struct sets *sets, uint32_t id);

/* Returns when every program that ran when it was called has ended: the kernel waits after a change of map in map. */
void sets_wait(struct sets *sets);

/* Frees the sets that nobody refers to; how many. */
size_t sets_collect(struct sets *sets);
/* Gives back some of the maps that are kept for new sets, when they are very many. */
void sets_trim(struct sets *sets);

size_t sets_count(const struct sets *sets);
/* The NEED_* of all sets there are; all that sets can need, when one cannot be read. */
unsigned sets_needs(struct sets *sets);
/* Those of a set still to be stored. */
unsigned sealset_needs(const struct sealset *set);

/* The label of a set that is used. Negative errno. */
int sets_read_label(struct sets *sets, uint32_t id, uint64_t *ret);

/* The labels of all sets, each once, in their order; and how many address spaces have it. */
struct sets_label {
	uint64_t label, spaces;
};
/* The caller frees *ret. */
int sets_read_labels(struct sets *sets, struct sets_label **ret, size_t *ret_count);

#endif
