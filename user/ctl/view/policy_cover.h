/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a policy that was just turned on covers, and what it does not: in one line, and as JSON. */
#ifndef MSEALCTL_POLICY_COVER_H
#define MSEALCTL_POLICY_COVER_H

#include <jansson.h>

/*
 * "143 processes: 20 sealed, 123 being sealed; not mseald[311]; pid 1 without unmap, discard: nothing kills
 * it". matches: the reply of io.mseald.ListMatches. Malloc'ed, not escaped; NULL: out of memory.
 */
char *policy_cover_text(const json_t *matches, const char *policy);

/* How many processes of these policies, [{name, on}...], are being sealed. */
size_t policy_cover_pending(const json_t *policies, const json_t *matches);
/* A line for each policy of [{name, on}...] that is on. Negative: out of memory. */
int policy_cover_print(const json_t *policies, const json_t *matches);
/* The counts as a member "covers" of each of them; matches: NULL for none. */
void policy_cover_add(json_t *policies, const json_t *matches);

#endif
