// SPDX-License-Identifier: LGPL-2.1-or-later
/* See match.h. */
#include "ctl/view/match.h"

#include "ctl/base/reply.h"
#include "lib/base/util.h"

/* Wording of the manual page. */
static const char *const reasons[][2] = {
	{ "pool", "no seal set was free" },
	{ "full", "more seals than the kernel can add" },
	{ "written", "a file may be open for writing" },
	{ "unknown", "the mapping of an object was not seen" },
	{ "changed", "the memory or seals were changing" },
	{ "relro", "the RELRO is not read-only yet, or missing" },
	{ "policy", "the daemon applies the policy, not the kernel" },
	{ "traced", "the process is traced" },
	{ "found", "started before the policy" },
	{ "settle", "a RELRO is still writable; see Settle=" },
	{ "failed", "could not be sealed; see the log" },
	{ "library", "a library loaded later" },
	{ "gate", "this kernel can only kill for the rest" },
	{ "pid1", "pid 1 cannot be killed" },
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

char *match_why_text(const json_t *match)
{
	const char *reason = match_reason_text(reply_string(match, "reason"));
	const json_t *missing = json_object_get(match, "missing"), *name;
	char denies[128] = "";
	size_t i;

	json_array_foreach(missing, i, name) {
		size_t length = strlen(denies);

		(void)snprintf(denies + length, sizeof(denies) - length, "%s%s", i ? "," : "",
			       json_string_value(name) ?: "?");
	}
	return i ? FORMAT_NEW("not denied: %s; %s", denies, reason) : strdup(reason);
}

enum colour match_state_colour(const char *state)
{
	return strcmp(state, "sealed") == 0  ? COLOUR_GREEN :
	       strcmp(state, "pending") == 0 ? COLOUR_YELLOW :
	       strcmp(state, "weaker") == 0  ? COLOUR_YELLOW :
	       strcmp(state, "exempt") == 0  ? COLOUR_DIM :
					       COLOUR_RED;
}
