/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sealing and unsealing: turns a request into a seal set in the maps, completely or not at all. */
#pragma once

#include "seal/attempt.h"

#define SEAL_MAX_RANGES MSEALD_MAX_SEALS /* in one request */

/* -EBADR: nothing is sealed, and *error says why. A dry run returns the result that sealing would have. */
int seal_process(struct programs *programs, struct space_map *space_map, const struct seal_request *request,
		 struct seal_result *ret, struct error *error);

/* Revokes revocable seals in the ranges, or everywhere. *ret_bytes: had such a seal. As seal_process(). */
int seal_revoke(struct programs *programs, struct space_map *space_map, const struct seal_request *request,
		uint64_t *ret_bytes, size_t *ret_seals, struct error *error);
