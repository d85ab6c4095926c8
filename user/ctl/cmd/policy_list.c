// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl policy list, reload: the daemon's active policies. */
#include <inttypes.h>
#include <string.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/policy_common.h"
#include "ctl/view/table.h"
#include "lib/base/util.h"

static const struct column columns[] = {
	{ .title = "PID", .right = true },
	{ .title = "PROGRAM", .least = 12 },
	{ .title = "POLICY" },
	{ .title = "STATE" },
	{ .title = "WHY", .least = 12 },
	{ .title = "NOT SEALED", .least = 16, .wrap = true },
};

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
	{ "pid1", "nothing kills pid 1" },
};

static const char *reason_text(const char *reason)
{
	if (!reason || !*reason)
		return "-";
	for (size_t i = 0; i < ELEMENTS(reasons); i++)
		if (strcmp(reasons[i][0], reason) == 0)
			return reasons[i][1];
	return reason;
}

/* The reason, and what the policy denies and the seals do not. Malloc'ed, or NULL. */
static char *not_sealed_text(const json_t *match)
{
	const json_t *weaker = json_object_get(match, "weaker"), *word;
	char *text = NULL;
	size_t size = 0, i;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	(void)fputs(reason_text(reply_string(match, "reason")), out);
	json_array_foreach(weaker, i, word)
		(void)fprintf(out, "%s %s", i ? "," : "; Deny= without", json_string_value(word) ?: "?");
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static enum colour state_colour(const char *state)
{
	return strcmp(state, "sealed") == 0  ? COLOUR_GREEN :
	       strcmp(state, "pending") == 0 ? COLOUR_YELLOW :
	       strcmp(state, "exempt") == 0  ? COLOUR_DIM :
					       COLOUR_RED;
}

static int print_matches(const json_t *reply)
{
	_cleanup_(table_free) struct table table = { .columns = columns, .column_count = ELEMENTS(columns) };
	const json_t *matches = json_object_get(reply, "matches"), *match;
	struct terminal terminal = terminal_detect();
	size_t i;

	json_array_foreach(matches, i, match) {
		const char *exe = reply_string(match, "exe"), *state = reply_string(match, "state");
		_cleanup_free_ char *not_sealed = not_sealed_text(match);

		if (!not_sealed)
			return error_out_of_memory();

		table_add(&table, &terminal, COLOUR_NONE, "%" PRIu64, reply_integer(match, "pid"));
		table_add(&table, &terminal, COLOUR_NONE, "%s", exe && *exe ? exe : "-");
		table_add(&table, &terminal, COLOUR_BOLD, "%s", reply_string(match, "policy"));
		table_add(&table, &terminal, state_colour(state), "%s", state);
		table_add(&table, &terminal, COLOUR_NONE, "%s", reply_string(match, "why"));
		table_add(&table, &terminal, COLOUR_NONE, "%s", not_sealed);
	}
	if (!json_array_size(matches)) {
		(void)puts("No policy is about anything that runs.");
		return CTL_OK;
	}
	return table_print(&table, &terminal, stdout) < 0 ? error_out_of_memory() : CTL_OK;
}

int command_policy_list(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_json_ json_t *reply = NULL;
	int r;

	if (options_none(ctl, argc, argv) == CTL_STOP)
		return ctl->status;
	if (optind < argc)
		return error_usage(ctl, "policy list takes no argument, and here is '%s'", argv[optind]);
	r = client_call(ctl, "ListMatches", json_object(), &reply);
	if (r)
		return r;
	return ctl->json ? client_print_json(reply) : print_matches(reply);
}

int command_policy_reload(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_json_ json_t *reply = NULL;
	const json_t *faults, *fault;
	size_t i;
	int r;

	if (options_none(ctl, argc, argv) == CTL_STOP)
		return ctl->status;
	if (optind < argc)
		return error_usage(ctl, "policy reload takes no argument, and here is '%s'", argv[optind]);
	r = client_call(ctl, "ReloadPolicy", json_object(), &reply);
	if (r)
		return r;
	faults = json_object_get(reply, "faults");
	if (ctl->json)
		return client_print_json(reply) ? CTL_FAILURE :
		       json_array_size(faults)	? CTL_FAILURE :
						  CTL_OK;
	json_array_foreach(faults, i, fault) {
		uint64_t line = reply_integer(fault, "line");

		if (line)
			(void)error_failure("%s:%" PRIu64 ": %s", reply_string(fault, "path"), line,
					    reply_string(fault, "message"));
		else
			(void)error_failure("%s: %s", reply_string(fault, "path"),
					    reply_string(fault, "message"));
	}
	(void)printf("%" PRIu64 " policies are active.\n", reply_integer(reply, "policies"));
	return json_array_size(faults) ? CTL_FAILURE : CTL_OK;
}
