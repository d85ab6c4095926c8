/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Address spaces and their seal sets (set_map.h) in the maps, which are authoritative: everything kept here
 * can be read back from them.
 */
#pragma once

#include "bpf/programs.h"
#include "seal/sealset.h"
#include "seal/set_map.h"

struct space_map {
	struct programs *programs;
	int spaces_fd;
	struct set_map *sets;
};

/* The previous state of an address space: its set (0: none), and whether it came from the parent. */
struct space_map_old {
	uint32_t bits; /* of MSEALD_WORD() */
	uint64_t born; /* MSEALD_SPACE_BORN() of its entry, from then on */
};

/* The sets are then to be closed. Negative errno. */
int space_map_open(struct space_map *space_map, struct programs *programs);

/* -ENOENT: no entry. */
int space_map_read_space(struct space_map *space_map, uint64_t key, struct mseald_space *ret);
/* Reads all entries, by their keys; the caller frees both. */
int space_map_read_spaces(struct space_map *space_map, uint64_t **ret_keys, struct mseald_space **ret_spaces,
			  size_t *ret_count);
/* Reads the keys only. */
int space_map_read_keys(struct space_map *space_map, uint64_t **ret, size_t *ret_count);

/* Does any entry have a seal set? Checks the entries themselves; true if they cannot be read. */
bool space_map_any_sealed(struct space_map *space_map);

/* The seals of an address space, with its entry (ret_space may be NULL). Not sealed: empty, 0. */
int space_map_read_seals(struct space_map *space_map, uint64_t key, struct mseald_space *ret_space,
			 struct sealset *ret);

/* How an address space is to be charged and checked. */
struct space_map_owner {
	uint32_t account;  /* of its task, from bpf/iter_task.bpf.c */
	bool limited;	   /* refuse it if that account is at its limit */
	uint32_t flags;	   /* MSEALD_SPACE_HUGETLB, also for an existing entry */
	uint32_t expected; /* the set that it must still have, 0: none; MSEALD_ANY_SET: any */
	uint64_t born;	   /* MSEALD_SPACE_BORN() of the entry that was read, 0: none: -ESRCH for another */
};

enum space_map_when {
	SPACE_MAP_NOW,	/* on return no program uses the old set any more */
	SPACE_MAP_SOON, /* programs already running may use it until they end */
};

/*
 * Gives an address space this set (empty: none), completely or not at all. *ret_old is its previous state,
 * readable until the next set_map_collect().
 *
 *   -EDQUOT  its account is at the limit of address spaces
 *   -ENOSPC  no room for another set or address space
 *   -E2BIG   more than MSEALD_MAX_SEALS
 *   -ESRCH   the address space is gone
 *   -EEXIST  it has just been entered by a fork, or sealed by the kernel: try again
 */
int space_map_set_space(struct space_map *space_map, uint64_t key, const struct space_map_owner *owner,
			const struct sealset *set, enum space_map_when when, struct space_map_old *ret_old);

/* Restores the state that space_map_set_space() replaced. */
int space_map_restore_space(struct space_map *space_map, uint64_t key, const struct space_map_old *old);

/*
 * Removes an entry. born: MSEALD_SPACE_BORN(); 0: whichever it is. seen: the entry as it was before all tasks
 * were read, none of which has the memory; it stays if a task has begun to share that since. NULL: none can.
 */
int space_map_forget_space(struct space_map *space_map, uint64_t key, uint64_t born,
			   const struct mseald_space *seen);

/* The number of spaces of an account, of their sets and seals, each set counted once. Negative errno. */
int space_map_count_account(struct space_map *space_map, uint32_t account, size_t *ret_spaces,
			    size_t *ret_sets, size_t *ret_seals, uint64_t ret_verdicts[MSEALD_VERDICT_COUNT]);
/* Removes accounts without usage. */
void space_map_forget_accounts(struct space_map *space_map);

/* Holds the set that an address space has: it stays readable, and its number is not given to another set. */
struct space_hold {
	struct space_map *space_map; /* NULL: nothing is held */
	struct mseald_space space;   /* its entry; zeros: none */
};

/* -EAGAIN: the address space has another set by now. Negative errno. */
int space_map_hold(struct space_map *space_map, uint64_t key, struct space_hold *ret);
void space_map_let_go(struct space_hold *hold);
