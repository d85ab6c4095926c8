/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seal sets and address spaces in the maps, which are the truth: nothing is
 * kept here that could not be read back from them.
 *
 * A set is written once and never changed but for its hit counts. Whoever
 * refers to it is counted in the kernel; when nobody does it is collected,
 * after a grace period in which programs may still be reading it.
 */
#ifndef MSEALD_STORE_H
#define MSEALD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mseald/shared.h"
#include "programs.h"
#include "lib/sealset.h"
#include "sets.h"

struct store;

/* What an address space had before: a set (0: none), and whether from its parent. */
struct store_old {
	uint32_t bits;		/* of MSEALD_WORD() */
};

int store_open(struct programs *programs, struct store **ret);
struct store *store_close(struct store *store);		/* takes NULL, returns NULL; the maps stay */

/* -ENOENT: no entry. */
int store_read_space(struct store *store, uint64_t key, struct mseald_space *ret);
/* All entries, by their keys; the caller frees both. */
int store_read_spaces(struct store *store, uint64_t **ret_keys, struct mseald_space **ret_spaces, size_t *ret_count);
/* The keys alone. */
int store_read_keys(struct store *store, uint64_t **ret, size_t *ret_count);

/* Does any entry have a seal set? Asked of the entries themselves; true when they cannot be read. */
bool store_any_sealed(struct store *store);

/* The seals that hold in an address space, with its entry (ret_space may be NULL). Not sealed: empty, 0. */
int store_read_seals(struct store *store, uint64_t key, struct mseald_space *ret_space, struct sealset *ret);

/* Whose place an address space takes that has none yet. */
struct store_place {
	uint32_t account;	/* as bpf/resolve.bpf.c says of its task */
	bool limited;		/* refused where that account has all that it may */
	uint32_t flags;		/* MSEALD_SPACE_HUGETLB, also of one that has a place */
};

enum store_when {
	STORE_NOW,	/* no program goes by the old set any more when it returns */
	STORE_SOON,	/* nor when store_settle() has */
};

/*
 * Gives an address space this set (empty: none), whole or not at all.
 * *ret_old is what it had, which stays readable until the next sets_collect().
 * -EDQUOT: its account has all places it may; -ENOSPC: no room for another set or address space; -E2BIG: more than
 * MSEALD_MAX_SEALS; -ESRCH: the address space is gone; -EEXIST: it has just
 * been entered by a fork, try again.
 */
int store_set_space(struct store *store, uint64_t key, const struct store_place *place, const struct sealset *set,
		    enum store_when when, struct store_old *ret_old);

/* After STORE_SOON, for all of them at once: the kernel waits for every program that runs. */
void store_settle(struct store *store);
/* The same of whatever an earlier daemon did not get to. */
void store_settle_all(struct store *store);

/* Back to what store_set_space() replaced. */
int store_restore_space(struct store *store, uint64_t key, const struct store_old *old);

int store_forget_space(struct store *store, uint64_t key);

/* How many places an account has, and how many seals the sets in them, each counted once. Negative errno. */
int store_count_account(struct store *store, uint32_t account, size_t *ret_spaces, size_t *ret_sets, size_t *ret_seals,
			uint64_t ret_verdicts[MSEALD_VERDICT_COUNT]);
/* Removes accounts that have no place. */
void store_forget_accounts(struct store *store);

/* The seal sets themselves. Belongs to the store. */
struct sets *store_sets(struct store *store);

#endif
