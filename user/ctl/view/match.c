// SPDX-License-Identifier: LGPL-2.1-or-later
/* See match.h. */
#include "ctl/view/match.h"

#include <string.h>

#include "lib/base/util.h"

/* As the manual page has them. */
static const char *const reasons[][2] = {
	{ "pool", "no seal set was free" },
	{ "full", "more seals than the kernel can add" },
	{ "written", "a file may be open for writing" },
	{ "unknown", "an object was not seen being mapped" },
	{ "changed", "its memory or seals were changing" },
	{ "relro", "its RELRO is not read-only yet, or it has none" },
	{ "policy", "mseald applies the policy, not the kernel" },
	{ "traced", "it is traced" },
	{ "found", "started before the policy" },
	{ "settle", "a RELRO is still writable; see Settle=" },
	{ "failed", "could not be sealed; see the log" },
	{ "library", "a library that was loaded later" },
	{ "gate", "this kernel could only kill for the rest" },
};

const char *match_reason_text(const char *reason)
{
	if (!reason || !*reason)
		return "-";
	for (size_t i = 0; i < ELEMENTS(reasons); i++)
		if (strcmp(reasons[i][0], reason) == 0)
			return reasons[i][1];
	return reason;
}

enum colour match_state_colour(const char *state)
{
	return strcmp(state, "sealed") == 0  ? COLOUR_GREEN :
	       strcmp(state, "pending") == 0 ? COLOUR_YELLOW :
	       strcmp(state, "weaker") == 0  ? COLOUR_YELLOW :
	       strcmp(state, "exempt") == 0  ? COLOUR_DIM :
					       COLOUR_RED;
}
