/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sealing and unsealing: a request becomes a seal set in the maps, whole or
 * not at all.
 */
#ifndef MSEALD_SEAL_SEAL_H
#define MSEALD_SEAL_SEAL_H

#include "base/error.h"
#include "seal/plan.h"
#include "seal/space_map.h"

#define SEAL_MAX_RANGES MSEALD_MAX_SEALS /* in one request */
/* At the request of users: seals of one address space, and of all that are on one account. */
#define SEAL_USER_SEALS 4096u
#define SEAL_USER_SEALS_ALL 65536u

struct seal_result {
	uint64_t space;
	uint64_t bytes;		    /* that the request names, each counted once */
	size_t ranges;		    /* mappings or parts of them that were sealed */
	size_t seals;		    /* in the address space now */
	bool native;		    /* the kernel's own mseal(2) holds all of it as well */
	const char *why_not_native; /* a phrase, when it was tried and could not be; or NULL */
};

/* -EBADR, and nothing is sealed, with the reason in *error. A dry run gives the result that would be. */
int seal_process(struct programs *programs, struct space_map *space_map, const struct seal_request *request,
		 struct seal_result *ret, struct error *error);

/*
 * Takes revocable seals back, of the ranges of the request; without any: everywhere. *ret_bytes: of which
 * something was taken back. As seal_process().
 */
int seal_revoke(struct programs *programs, struct space_map *space_map, const struct seal_request *request,
		uint64_t *ret_bytes, size_t *ret_seals, struct error *error);

#endif
