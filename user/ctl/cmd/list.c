// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl list: every seal, one per line. */
#include <inttypes.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/spaces.h"
#include "ctl/view/summary.h"
#include "ctl/view/table.h"
#include "lib/base/names.h"
#include "lib/base/util.h"

/* From this width on, every column fits with all words; below, deny bits are letters. */
#define WIDE 140

static const struct column columns[] = {
	{ .title = "PID" },	{ .title = "COMM", .shorten = true },
	{ .title = "RANGE" },	{ .title = "SIZE", .right = true, .least = 100 },
	{ .title = "SEGMENT" }, { .title = "DENIES" },
	{ .title = "ACTION" },	{ .title = "GATE", .least = 100 },
	{ .title = "KIND" },	{ .title = "ATTEMPTS", .right = true },
};

/* Formats "812,813", brief: "812+1"; "-" if no process has the space any more. Malloc'ed, or NULL. */
static char *pids_text(const json_t *pids, bool brief)
{
	_cleanup_free_ char *text = NULL;
	size_t count = json_array_size(pids), i;
	const json_t *pid;

	if (brief && count > 1)
		return FORMAT_NEW("%" JSON_INTEGER_FORMAT "+%zu", json_integer_value(json_array_get(pids, 0)),
				  count - 1);
	text = strdup(count ? "" : "-");
	json_array_foreach(pids, i, pid) {
		char *longer;

		if (!text || asprintf(&longer, "%s%s%" JSON_INTEGER_FORMAT, text, *text ? "," : "",
				      json_integer_value(pid)) < 0)
			return NULL;
		free(text);
		text = longer;
	}
	return TAKE_PTR(text);
}

/* A seal with several actions takes several rows. */
static void add_seal(struct table *table, bool brief, const char *pids, const char *comm,
		     const struct space_seal *seal)
{
	static const enum colour action_colours[MSEALD_ACTION_COUNT] = {
		[MSEALD_ACTION_KILL] = COLOUR_RED,
		[MSEALD_ACTION_AUDIT] = COLOUR_YELLOW,
	};
	const char *prefix = brief ? "" : "0x";
	char size[TEXT_SIZE_MAX], names[SPACES_DENY_TEXT_MAX];

	for (unsigned action = 0; action < MSEALD_ACTION_COUNT; action++) {
		unsigned deny[MSEALD_ACTION_COUNT] = { [MSEALD_ACTION_DENY] = seal->deny[action] };

		if (!seal->deny[action])
			continue;
		table_add(table, COLOUR_NONE, "%s", pids);
		table_add(table, COLOUR_BOLD, "%s", comm);
		table_add(table, COLOUR_NONE, "%s%" PRIx64 "-%s%" PRIx64, prefix, seal->start, prefix,
			  seal->end);
		table_add(table, COLOUR_NONE, "%s", text_size(seal->end - seal->start, size));
		table_add(table, terminal_segment_colour(seal->segment), "%s",
			  seal->segment == MSEALD_SEGMENT_NONE ? "-" : names_segment(seal->segment));
		table_add(table, COLOUR_NONE, "%s", spaces_deny_text(deny, brief, names));
		table_add(table, action_colours[action], "%s", names_action(action));
		table_add(table, COLOUR_NONE, "%s", *seal->gate ? seal->gate : "-");
		table_add(table, COLOUR_NONE, "%s",
			  brief ? (seal->revocable ? "rev" : "perm") :
				  (seal->revocable ? "revocable" : "permanent"));
		table_add(table, seal->attempts ? COLOUR_RED : COLOUR_NONE, "%" PRIu64, seal->attempts);
	}
}

static int print_table(const struct targets *targets, const json_t *document)
{
	const json_t *spaces = json_object_get(document, "spaces"), *space;
	struct terminal terminal = terminal_detect();
	_cleanup_(table_free) struct table table = table_new(columns, ELEMENTS(columns), &terminal);
	bool brief = terminal.width && terminal.width < WIDE;
	size_t i, j;

	json_array_foreach(spaces, i, space) {
		_cleanup_free_ char *pids = pids_text(json_object_get(space, "pids"), brief);
		const json_t *seals = json_object_get(space, "seals"), *seal;

		if (!pids)
			return error_out_of_memory();
		json_array_foreach(seals, j, seal) {
			struct space_seal one = spaces_seal_from_json(seal);

			add_seal(&table, brief, pids, reply_string(space, "comm"), &one);
		}
	}
	if (table.cells == 0 && !table.failed) {
		if (targets->count == 1)
			(void)printf("No memory of pid %d is sealed.\n", targets->list[0]);
		else if (targets->count)
			(void)printf("No memory of these %zu processes is sealed.\n", targets->count);
		else
			(void)puts("Nothing is sealed.");
		return CTL_OK;
	}
	return table_print(&table, stdout) < 0 ? error_out_of_memory() : CTL_OK;
}

int command_list(struct ctl *ctl, int argc, char **argv)
{
	enum { OPTION_SUMMARY = CTL_OPTION_OWN };
	static const struct option options[] = {
		{ "summary", no_argument, NULL, OPTION_SUMMARY },
		TARGETS_OPTIONS_LONG,
		CTL_GLOBAL_OPTIONS,
	};
	_cleanup_(targets_free) struct targets targets = {};
	_cleanup_json_ json_t *document = NULL;
	bool summary = false;
	int option, r = 0, printed;

	while ((option = options_next(ctl, argc, argv, options)) != CTL_END) {
		if (option == CTL_STOP)
			return ctl->status;
		if (!targets_take(&targets, option, optarg, &r))
			summary = true;
		if (r)
			return r;
	}
	r = targets_parse_all(ctl, &targets, argc, argv);
	if (!r)
		r = targets_find(&targets);
	if (r)
		return r;
	if (summary)
		return summary_command(ctl, &targets);
	r = spaces_fetch_targets(ctl, &targets, &document);
	if (!document)
		return r;
	printed = ctl->json ? client_print_json(document) : print_table(&targets, document);
	return printed ?: r;
}
