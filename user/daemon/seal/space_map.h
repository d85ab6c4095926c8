/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seal sets and address spaces in the maps, which are the truth: nothing is
 * kept here that could not be read back from them.
 *
 * A set is written once and never changed but for its hit counts. Whoever
 * refers to it is counted in the kernel; when nobody does it is collected,
 * after a grace period in which programs may still be reading it.
 */
#ifndef MSEALD_SEAL_SPACE_MAP_H
#define MSEALD_SEAL_SPACE_MAP_H

#include "bpf/programs.h"
#include "seal/sealset.h"
#include "seal/set_map.h"

struct space_map;

/* What an address space had before: a set (0: none), and whether from its parent. */
struct space_map_old {
	uint32_t bits; /* of MSEALD_WORD() */
};

int space_map_open(struct programs *programs, struct space_map **ret);
/* takes NULL; the maps stay */
void space_map_close(struct space_map *space_map);

/* -ENOENT: no entry. */
int space_map_read_space(struct space_map *space_map, uint64_t key, struct mseald_space *ret);
/* All entries, by their keys; the caller frees both. */
int space_map_read_spaces(struct space_map *space_map, uint64_t **ret_keys, struct mseald_space **ret_spaces,
			  size_t *ret_count);
/* The keys alone. */
int space_map_read_keys(struct space_map *space_map, uint64_t **ret, size_t *ret_count);

/* Does any entry have a seal set? Asked of the entries themselves; true when they cannot be read. */
bool space_map_any_sealed(struct space_map *space_map);

/* The seals that hold in an address space, with its entry (ret_space may be NULL). Not sealed: empty, 0. */
int space_map_read_seals(struct space_map *space_map, uint64_t key, struct mseald_space *ret_space,
			 struct sealset *ret);

/* Who is charged for an address space that has no entry yet. */
struct space_map_owner {
	uint32_t account;  /* as bpf/iter_task.bpf.c says of its task */
	bool limited;	   /* refused where that account has all that it may */
	uint32_t flags;	   /* MSEALD_SPACE_HUGETLB, also of one that has an entry */
	uint32_t expected; /* the set it must have still, 0: none; MSEALD_ANY_SET: any will do */
};

enum space_map_when {
	SPACE_MAP_NOW,	/* no program goes by the old set any more when it returns */
	SPACE_MAP_SOON, /* those that had begun may, until they end */
};

/*
 * Gives an address space this set (empty: none), whole or not at all. *ret_old is what it had,
 * which stays readable until the next set_map_collect(). -EDQUOT: its account has all spaces it
 * may; -ENOSPC: no room for another set or address space; -E2BIG: more than MSEALD_MAX_SEALS;
 * -ESRCH: the address space is gone; -EEXIST: it has just been entered by a fork, or sealed by the
 * kernel, try again.
 */
int space_map_set_space(struct space_map *space_map, uint64_t key, const struct space_map_owner *owner,
			const struct sealset *set, enum space_map_when when, struct space_map_old *ret_old);

/* Back to what space_map_set_space() replaced. */
int space_map_restore_space(struct space_map *space_map, uint64_t key, const struct space_map_old *old);

int space_map_forget_space(struct space_map *space_map, uint64_t key);

/* How many spaces an account has, and how many seals their sets, each counted once. Negative errno. */
int space_map_count_account(struct space_map *space_map, uint32_t account, size_t *ret_spaces,
			    size_t *ret_sets, size_t *ret_seals, uint64_t ret_verdicts[MSEALD_VERDICT_COUNT]);
/* Removes accounts without usage. */
void space_map_forget_accounts(struct space_map *space_map);

/* The seal sets themselves. Belong to the space map. */
struct set_map *space_map_sets(struct space_map *space_map);

#endif
