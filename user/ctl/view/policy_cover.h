/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The coverage of a newly enabled policy, and its gaps: in one line, and as JSON. */
#pragma once

#include <jansson.h>

/*
 * "143 processes: 20 sealed, 123 being sealed; not mseald[311]; pid 1 without unmap, discard: nothing kills
 * it". matches: the reply of io.mseald.ListMatches. Malloc'ed, unescaped; NULL: out of memory.
 */
char *policy_cover_text(const json_t *matches, const char *policy);

/* The number of processes being sealed by these policies, [{name, on}...]. */
size_t policy_cover_pending(const json_t *policies, const json_t *matches);
/* Prints a line for each policy of [{name, on}...] that is on. Negative: out of memory. */
int policy_cover_print(const json_t *policies, const json_t *matches);
/* Adds the counts as a member "covers" to each policy; matches: NULL: none. */
void policy_cover_add(json_t *policies, const json_t *matches);
