/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seal sets in the maps, by id. A set is written once, and never changed except for its hit counts. The
 * kernel counts the references to it. Without references it is collected, after a grace period in which
 * programs may still be reading it.
 */
#pragma once

#include "bpf/programs.h"
#include "seal/sealset.h"

struct set_map;

/* Takes over the sets of an earlier daemon. */
int set_map_open(struct programs *programs, struct set_map **ret);
void set_map_close(struct set_map *sets); /* takes NULL; the maps stay */

/*
 * Takes a reference to a set of the pool, so that it is not reused, and gives it back. False: the set has no
 * references any more. Other sets need no hold: it is enough not to collect meanwhile.
 */
bool set_map_hold(struct set_map *sets, uint32_t id);
void set_map_let_go(struct set_map *sets, uint32_t id);

/* Has the set references? */
bool set_map_is_referred(const struct set_map *sets, uint32_t id);

/* Makes an empty map for that many nodes. Returns a descriptor, and its id. */
int set_map_create(uint32_t nodes, uint32_t *ret_id);

/* Enters *count maps into the map of sets; only the first, *count is 1 then, if the kernel cannot do many. */
int set_map_enter(int sets_fd, uint32_t *ids, int *fds, uint32_t *count);
/* Marks a set of the pool as free, for the kernel to take. */
void set_map_offer(struct programs *programs, uint32_t id);

/* -ENOENT: no such set; -EBADMSG: not written by mseald. A set of the pool must be held. */
int set_map_read(struct set_map *sets, uint32_t id, struct sealset *ret);

/* Its number of seals; for most sets the map is read only once. */
int set_map_read_count(struct set_map *sets, uint32_t id, size_t *ret);

/*
 * Writes a new set, not empty and without references yet, for the address space of this key. -ENOSPC:
 * MSEALD_MAX_SETS or MSEALD_MAX_FILES reached; -E2BIG: more than MSEALD_MAX_SEALS.
 */
int set_map_write(struct set_map *sets, const struct sealset *set, uint64_t space, uint32_t *ret);
/* Number of sets written: while it is unchanged, no id has got another set. */
uint64_t set_map_written(const struct set_map *sets);
/* Removes a set that has no references, and that no program reads any more. */
void set_map_release(struct set_map *sets, uint32_t id);

/* Waits for every running program to end, as the kernel does after a change of a map in a map. */
void set_map_wait(struct set_map *sets);

/* Frees the sets without references; returns their number. */
size_t set_map_collect(struct set_map *sets);
/* Frees some of the maps kept for new sets, if there are very many. */
void set_map_trim(struct set_map *sets);

size_t set_map_count(const struct set_map *sets);
/* The number of these in the pool. */
size_t set_map_count_pooled(const struct set_map *sets);
/* The NEED_* of all sets; all that sets can have, if a set cannot be read. */
unsigned set_map_needs(struct set_map *sets);
/* The NEED_* of a set that is not stored yet. */
unsigned set_map_needs_of(const struct sealset *set);

/* The label of a set in use. Negative errno. */
int set_map_read_label(struct set_map *sets, uint32_t id, uint64_t *ret);

/* The labels of all sets, each once, in order; and the number of address spaces with each. */
struct set_map_label {
	uint64_t label, spaces;
};
/* The caller frees *ret. */
int set_map_read_labels(struct set_map *sets, struct set_map_label **ret, size_t *ret_count);
