/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* States of a process under a policy, and their reasons, as named by io.mseald.ListMatches. */
#pragma once

#include <jansson.h>

#include "ctl/base/terminal.h"

/* A phrase for a reason; "-": none; an unknown reason is returned unchanged. */
const char *match_reason_text(const char *reason);
/*
 * The same for an object of ListMatches, with the deny bits that its seals lack. Malloc'ed; NULL: out of
 * memory.
 */
char *match_why_text(const json_t *match);
enum colour match_state_colour(const char *state);
