/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The states of a process under a policy, and its reasons, as io.mseald.ListMatches names them. */
#ifndef MSEALCTL_MATCH_H
#define MSEALCTL_MATCH_H

#include <jansson.h>

#include "ctl/base/terminal.h"

/* A phrase for a reason; "-" for none; a reason that this version does not know is returned. */
const char *match_reason_text(const char *reason);
/* The same of an object of ListMatches, and what its seals do not deny. Malloc'ed; NULL: out of memory. */
char *match_why_text(const json_t *match);
enum colour match_state_colour(const char *state);

#endif
