/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sealing and unsealing: turns a request into a seal set in the maps, completely or not at all. */
#pragma once

#include "base/error.h"
#include "seal/plan.h"
#include "seal/space_map.h"

#define SEAL_MAX_RANGES MSEALD_MAX_SEALS /* in one request */
/* Limits for requests of users: seals of one address space, and of all that are charged to one account. */
#define SEAL_USER_SEALS 4096u
#define SEAL_USER_SEALS_ALL 65536u

struct seal_result {
	uint64_t space;
	uint64_t bytes;		    /* named by the request, each counted once */
	size_t ranges;		    /* mappings or parts of mappings that were sealed */
	size_t seals;		    /* in the address space now */
	bool native;		    /* mseal(2) holds all of it as well */
	const char *why_not_native; /* a phrase, if mseal(2) was tried and failed; or NULL */
};

/* -EBADR: nothing is sealed, and *error says why. A dry run returns the result that sealing would have. */
int seal_process(struct programs *programs, struct space_map *space_map, const struct seal_request *request,
		 struct seal_result *ret, struct error *error);

/* Revokes revocable seals in the ranges, or everywhere. *ret_bytes: had such a seal. As seal_process(). */
int seal_revoke(struct programs *programs, struct space_map *space_map, const struct seal_request *request,
		uint64_t *ret_bytes, size_t *ret_seals, struct error *error);
