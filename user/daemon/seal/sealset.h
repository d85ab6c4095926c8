/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A seal set in user space: sorted, disjoint seals, and the operations on
 * sets. Turned into the nodes that the programs search, and back.
 */
#ifndef MSEALD_SEAL_SEALSET_H
#define MSEALD_SEAL_SEALSET_H

#include "lib/base/util.h"
#include "mseald/shared.h"

struct seal {
	uint64_t start, end;			/* page aligned, start < end */
	uint8_t permanent[MSEALD_ACTION_COUNT]; /* deny bits by action, permanent */
	uint8_t revocable[MSEALD_ACTION_COUNT]; /* the same, that may be taken back */
	uint8_t segment;			/* enum mseald_segment */
	uint8_t flags;				/* MSEALD_SEAL_* */
	uint32_t hits;				/* attempts met */
	uint32_t pgoff;				/* MSEALD_SEAL_SHM: pages from the attach address */
	/* that this private mapping is of; only with MSEALD_DENY_FILE */
	struct mseald_inode file;
};

struct sealset {
	struct seal *list; /* sorted by start, disjoint */
	size_t count, allocated;
	uint64_t label; /* of struct mseald_node */
};

/*
 * Could it stand in a set? Not empty, aligned, in user memory, a deny bit, nothing unknown,
 * no file without reason.
 */
bool seal_valid(const struct seal *seal);

void sealset_free(struct sealset *set); /* takes NULL and zeroed; leaves it zeroed */
int sealset_copy(const struct sealset *from, struct sealset *ret);

/*
 * Adds many, or none on error: in any order, and they may overlap; the later in the list is the
 * newer. Where one overlaps others these are split and the rules are
 * united, so nothing that was denied becomes allowed. The segment of the newer
 * wins unless it is NONE; of a seal that is split, the first piece keeps the
 * hits, so that their sum stays. Neighbours that agree in all but hits (and
 * touch) are joined, hits added up (not for MSEALD_SEAL_SHM unless pgoff
 * continues). O((n+m) log(n+m)). -EINVAL: empty, not of whole pages, beyond MSEALD_NO_START, no stop
 * bit at all, or a bit, segment or flag that there is not. -ENOMEM.
 */
int sealset_add_all(struct sealset *set, const struct seal *seals, size_t count);

/*
 * Takes the revocable rules back in [start, end), splitting at its borders;
 * pieces left with no rule go, and their hits. *ret_bytes: bytes of which
 * something was taken back; *ret_permanent: bytes that stay sealed permanently (both may be NULL). -EINVAL:
 * empty or not of whole pages; -ENOMEM. On error the set is unchanged.
 */
int sealset_revoke(struct sealset *set, uint64_t start, uint64_t end, uint64_t *ret_bytes,
		   uint64_t *ret_permanent);

/* Takes out the seals that have one of these MSEALD_SEAL_* flags; how many. */
size_t sealset_drop_flagged(struct sealset *set, unsigned flags);

/* Is all of [start, end) sealed, by seals that have one of these flags? */
bool sealset_all_flagged(const struct sealset *set, uint64_t start, uint64_t end, unsigned flags);

bool sealset_equal(const struct sealset *a, const struct sealset *b); /* but for hits */

/* All deny bits of a seal for this action, permanent or revocable. */
unsigned seal_deny(const struct seal *seal, enum mseald_action action);
/* The same for any action. */
unsigned seal_deny_all(const struct seal *seal);

/* A file that seals of a set keep from being written. */
struct sealset_file {
	struct mseald_inode inode;
	size_t seal; /* place of the one with the strongest action, in the set */
	enum mseald_action action;
};

/*
 * The files of the seals with any of these deny bits (of MSEALD_DENY_FILE), each file
 * once, sorted by MSEALD_INODE_ORDER. The caller frees *ret. -ENOMEM.
 */
int sealset_files(const struct sealset *set, unsigned deny, struct sealset_file **ret, size_t *ret_count);

/*
 * Elements an encoded set of so many seals and different files needs; 0 for an empty set, -E2BIG
 * over MSEALD_MAX_SEALS.
 */
int sealset_nodes_needed(size_t seals, size_t files);
/* Fills all elements (count of them, as sealset_nodes_needed said, else -EINVAL; zeroed or not). */
int sealset_encode(const struct sealset *set, struct mseald_node *nodes, size_t count);
/* Back again. -EBADMSG: not what encode writes. */
int sealset_decode(const struct mseald_node *nodes, size_t count, struct sealset *ret);

#endif
