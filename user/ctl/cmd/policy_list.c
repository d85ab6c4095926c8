// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl policy list, reload: the daemon's active policies. */
#include <inttypes.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/match.h"
#include "ctl/view/table.h"
#include "lib/base/util.h"

static const struct column columns[] = {
	{ .title = "PID", .right = true },
	{ .title = "PROGRAM", .shorten = true, .share = 20 },
	{ .title = "POLICY" },
	{ .title = "STATE" },
	{ .title = "WHY", .shorten = true, .share = 20 },
	{ .title = "NOT SEALED", .wrap = true, .share = 20 },
};

static int print_matches(const json_t *reply)
{
	const json_t *matches = json_object_get(reply, "matches"), *match;
	struct terminal terminal = terminal_detect();
	_cleanup_(table_free) struct table table = table_new(columns, ELEMENTS(columns), &terminal);
	size_t i;

	json_array_foreach(matches, i, match) {
		const char *exe = reply_string(match, "exe"), *state = reply_string(match, "state");
		_cleanup_free_ char *not_sealed = match_why_text(match);

		if (!not_sealed)
			return error_out_of_memory();

		table_add(&table, COLOUR_NONE, "%" PRIu64, reply_integer(match, "pid"));
		table_add(&table, COLOUR_NONE, "%s", exe && *exe ? exe : "-");
		table_add(&table, COLOUR_BOLD, "%s", reply_string(match, "policy"));
		table_add(&table, match_state_colour(state), "%s", state);
		table_add(&table, COLOUR_NONE, "%s", reply_string(match, "why"));
		table_add(&table, COLOUR_NONE, "%s", not_sealed);
	}
	if (!json_array_size(matches)) {
		(void)puts("No policy matches a running process.");
		return CTL_OK;
	}
	return table_print(&table, stdout) < 0 ? error_out_of_memory() : CTL_OK;
}

int command_policy_list(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_json_ json_t *reply = NULL;
	int r;

	if (options_none(ctl, argc, argv) == CTL_STOP)
		return ctl->status;
	if (optind < argc)
		return error_usage(ctl, "unexpected argument '%s'", argv[optind]);
	r = client_call(ctl, "ListMatches", json_object(), &reply);
	if (r)
		return r;
	return ctl->json ? client_print_json(reply) : print_matches(reply);
}

int command_policy_reload(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_json_ json_t *reply = NULL;
	const json_t *faults, *fault;
	uint64_t active;
	size_t i;
	int r;

	if (options_none(ctl, argc, argv) == CTL_STOP)
		return ctl->status;
	if (optind < argc)
		return error_usage(ctl, "unexpected argument '%s'", argv[optind]);
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
	active = reply_integer(reply, "policies");
	(void)printf("%" PRIu64 " polic%s active.\n", active, active == 1 ? "y is" : "ies are");
	return json_array_size(faults) ? CTL_FAILURE : CTL_OK;
}
