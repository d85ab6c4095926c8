/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seal sets in the maps, by id. A set is written once and never changed but for
 * its hit counts. Whoever refers to it is counted in the kernel; when nobody does
 * it is collected, after a grace period in which programs may still be reading it.
 */
#ifndef MSEALD_SEAL_SET_MAP_H
#define MSEALD_SEAL_SET_MAP_H

#include "bpf/programs.h"
#include "seal/sealset.h"

struct set_map;

/* With those that an earlier daemon left. */
int set_map_open(struct programs *programs, struct set_map **ret);
void set_map_close(struct set_map *sets); /* takes NULL; the maps stay */

/*
 * Takes a reference to a set of the pool, so that it is not used again, and gives it back. False: nobody
 * refers to it any more. Other sets need none: it is enough that they are not collected meanwhile.
 */
bool set_map_hold(struct set_map *sets, uint32_t id);
void set_map_let_go(struct set_map *sets, uint32_t id);

/* Does anybody refer to it? */
bool set_map_is_referred(const struct set_map *sets, uint32_t id);

/* An empty map for that many nodes: a descriptor, and its id. */
int set_map_create(uint32_t nodes, uint32_t *ret_id);

/* -ENOENT: no such set; -EBADMSG: not one that was written by us. Of the pool: only while it is held. */
int set_map_read(struct set_map *sets, uint32_t id, struct sealset *ret);

/* How many seals it has; of most asked of the map once. */
int set_map_read_count(struct set_map *sets, uint32_t id, size_t *ret);

/*
 * A new one, not empty, that nobody refers to yet, for the address space of this key. -ENOSPC: there are
 * MSEALD_MAX_SETS, or MSEALD_MAX_FILES; -E2BIG: more than MSEALD_MAX_SEALS.
 */
int set_map_write(struct set_map *sets, const struct sealset *set, uint64_t space, uint32_t *ret);
/* How many have been: while this is the same, no id has come to mean another set. */
uint64_t set_map_written(const struct set_map *sets);
/* One that nobody came to refer to. */
void set_map_unwrite(struct set_map *sets, uint32_t id);

/*
 * Returns when every program that ran when it was called has ended: the kernel waits after a change
 * of map in map.
 */
void set_map_wait(struct set_map *sets);

/* Frees the sets that nobody refers to; how many. */
size_t set_map_collect(struct set_map *sets);
/* Gives back some of the maps that are kept for new sets, when they are very many. */
void set_map_trim(struct set_map *sets);

size_t set_map_count(const struct set_map *sets);
/* Of these, those of the pool. */
size_t set_map_count_pooled(const struct set_map *sets);
/* The NEED_* of all sets there are; all that sets can need, when one cannot be read. */
unsigned set_map_needs(struct set_map *sets);
/* Those of a set still to be stored. */
unsigned set_map_needs_of(const struct sealset *set);

/* The label of a set that is used. Negative errno. */
int set_map_read_label(struct set_map *sets, uint32_t id, uint64_t *ret);

/* The labels of all sets, each once, in their order; and how many address spaces have it. */
struct set_map_label {
	uint64_t label, spaces;
};
/* The caller frees *ret. */
int set_map_read_labels(struct set_map *sets, struct set_map_label **ret, size_t *ret_count);

#endif
