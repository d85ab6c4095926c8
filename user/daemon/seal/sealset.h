/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A seal set in user space: sorted, disjoint seals, and the operations on sets. Encodes a set into the nodes
 * that the programs search, and decodes it.
 */
#pragma once

#include "lib/base/util.h"
#include "mseald/shared.h"

struct seal {
	uint64_t start, end;			/* page aligned, start < end */
	uint8_t permanent[MSEALD_ACTION_COUNT]; /* deny bits by action, permanent */
	uint8_t revocable[MSEALD_ACTION_COUNT]; /* the same, revocable */
	uint8_t segment;			/* enum mseald_segment */
	uint8_t flags;				/* MSEALD_SEAL_* */
	uint32_t hits;				/* attempts that met the seal */
	uint32_t pgoff;				/* MSEALD_SEAL_SHM: pages from the attach address */
	/* file of this private mapping; only with MSEALD_DENY_FILE */
	struct mseald_inode file;
};

struct sealset {
	struct seal *list; /* sorted by start, disjoint */
	size_t count;
	uint64_t label; /* as in struct mseald_node */
};

/* Is it aligned, not empty, in user memory, of known deny bits, no file without MSEALD_DENY_FILE? */
bool seal_valid(const struct seal *seal);

void sealset_free(struct sealset *set); /* takes NULL and zeroed; leaves it zeroed */
int sealset_copy(const struct sealset *from, struct sealset *ret);

/*
 * Adds all seals, or none on error. They may be in any order and overlap; the later in the list is the newer.
 *
 *   - Overlapping seals are split and their rules united, so nothing that was denied becomes allowed.
 *   - The segment of the newer seal wins unless it is NONE.
 *   - Of a split seal the first piece keeps the hits, so that their sum stays.
 *   - Touching neighbours that agree in all but hits are joined and their hits added up (not for
 *     MSEALD_SEAL_SHM unless pgoff continues).
 *
 * O((n+m) log(n+m)). -EINVAL: empty, not of whole pages, beyond MSEALD_NO_START, no deny bit at all, or an
 * unknown bit, segment or flag. -ENOMEM.
 */
int sealset_add_all(struct sealset *set, const struct seal *seals, size_t count);

/*
 * Removes the revocable rules in [start, end), splitting seals at its borders. Pieces without any rule are
 * removed with their hits. *ret_bytes: bytes with a revoked rule; *ret_permanent: bytes that stay sealed
 * permanently (both may be NULL). -EINVAL: empty or not of whole pages; -ENOMEM. On error the set is
 * unchanged.
 */
int sealset_revoke(struct sealset *set, uint64_t start, uint64_t end, uint64_t *ret_bytes,
		   uint64_t *ret_permanent);

/* Removes the seals with any of these MSEALD_SEAL_* flags; returns their number. */
size_t sealset_drop_flagged(struct sealset *set, unsigned flags);

/* Is all of [start, end) sealed, by seals with any of these flags? 0: by any seals. */
bool sealset_all_flagged(const struct sealset *set, uint64_t start, uint64_t end, unsigned flags);

bool sealset_equal(const struct sealset *a, const struct sealset *b); /* ignores hits */

/* All deny bits of a seal for this action, permanent or revocable. */
unsigned seal_deny(const struct seal *seal, enum mseald_action action);
/* The same for any action. */
unsigned seal_deny_all(const struct seal *seal);

/* A file that seals of a set protect from writes. */
struct sealset_file {
	struct mseald_inode inode;
	size_t seal; /* index of the seal with the strongest action */
	enum mseald_action action;
};

/*
 * The files of the seals with any of these deny bits (of MSEALD_DENY_FILE), each file
 * once, sorted by MSEALD_INODE_ORDER. The caller frees *ret. -ENOMEM.
 */
int sealset_files(const struct sealset *set, unsigned deny, struct sealset_file **ret, size_t *ret_count);

/*
 * Number of elements of an encoded set with these numbers of seals and different files; 0: empty set; -E2BIG:
 * more than MSEALD_MAX_SEALS.
 */
int sealset_nodes_needed(size_t seals, size_t files);
/* Fills all elements, zeroed or not. count must be that of sealset_nodes_needed(), else -EINVAL. */
int sealset_encode(const struct sealset *set, struct mseald_node *nodes, size_t count);
/* Decodes. -EBADMSG: not the output of encode. */
int sealset_decode(const struct mseald_node *nodes, size_t count, struct sealset *ret);
