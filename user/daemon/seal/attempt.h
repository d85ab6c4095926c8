/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One try to seal a process, whose memory may change meanwhile. */
#pragma once

#include "base/error.h"
#include "process/target.h"
#include "seal/plan.h"
#include "seal/space_map.h"

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

/* 1: sealed; 0: the process has changed meanwhile, and nothing is sealed. Errors as seal_process(). */
int attempt_seal(struct programs *programs, struct space_map *space_map, const struct target *target,
		 const struct seal_request *request, struct seal_result *ret, struct error *error);
