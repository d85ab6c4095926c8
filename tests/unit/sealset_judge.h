/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict of a seal set, read from its list: the counterpart of the programs' search, for tests. */
#pragma once

#include "seal/sealset.h"

/*
 * The strongest action of the set for this deny bit in [start, end): KILL over DENY over AUDIT. Returns the
 * action, or -ENOENT: none. *ret_seal (may be NULL) is the first seal with that action.
 */
static inline int sealset_judge(const struct sealset *set, uint64_t start, uint64_t end, unsigned deny,
				const struct seal **ret_seal)
{
	static const enum mseald_action strongest_first[] = {
		MSEALD_ACTION_KILL,
		MSEALD_ACTION_DENY,
		MSEALD_ACTION_AUDIT,
	};
	_Static_assert(ELEMENTS(strongest_first) == MSEALD_ACTION_COUNT, "an action that is never judged");

	for (size_t a = 0; a < ELEMENTS(strongest_first) && start < end; a++) {
		for (size_t i = 0; i < set->count && set->list[i].start < end; i++) {
			const struct seal *seal = &set->list[i];

			if (seal->end <= start ||
			    !((seal->permanent[strongest_first[a]] | seal->revocable[strongest_first[a]]) &
			      deny))
				continue;
			if (ret_seal)
				*ret_seal = seal;
			return (int)strongest_first[a];
		}
	}
	return -ENOENT;
}

static inline uint64_t sealset_bytes(const struct sealset *set)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < set->count; i++)
		bytes += set->list[i].end - set->list[i].start;
	return bytes;
}
