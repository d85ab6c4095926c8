// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl seal: asks the daemon to seal ranges or segments of processes. */
#include <inttypes.h>

#include "ctl/base/change.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/seal_options.h"
#include "ctl/base/text.h"
#include "ctl/cmd/commands.h"
#include "ctl/view/spaces.h"
#include "ctl/view/table.h"
#include "lib/base/names.h"
#include "lib/base/util.h"

static const struct column columns[] = {
	{ .title = "RANGE" },
	{ .title = "SIZE", .right = true },
	{ .title = "SEGMENT" },
	{ .title = "DENIES", .wrap = true, .share = 25 },
	{ .title = "FILE", .shorten = true },
};

/* Prints the plan of a dry run. */
static int print_plan(const json_t *planned)
{
	struct terminal terminal = terminal_detect();
	_cleanup_(table_free) struct table table = table_new(columns, ELEMENTS(columns), &terminal);
	const json_t *range;
	size_t i;

	json_array_foreach(planned, i, range) {
		struct space_seal seal = spaces_seal_from_json(range);
		char size[TEXT_SIZE_MAX], deny[SPACES_DENY_TEXT_MAX];
		const char *path = reply_string(range, "path");

		table_add(&table, COLOUR_NONE, "0x%" PRIx64 "-0x%" PRIx64, seal.start, seal.end);
		table_add(&table, COLOUR_NONE, "%s", text_size(seal.end - seal.start, size));
		table_add(&table, terminal_segment_colour(seal.segment), "%s",
			  seal.segment == MSEALD_SEGMENT_NONE ? "-" : names_segment(seal.segment));
		table_add(&table, COLOUR_NONE, "%s", spaces_deny_text(seal.deny, false, deny));
		table_add(&table, COLOUR_NONE, "%s", *path ? path : "-");
	}
	return table_print(&table, stdout) < 0 ? error_out_of_memory() : CTL_OK;
}

static int print_result(pid_t pid, const json_t *reply, bool dry_run)
{
	uint64_t ranges = reply_integer(reply, "ranges"), seals = reply_integer(reply, "seals");
	char size[TEXT_SIZE_MAX];

	(void)printf("pid %d: %s %s in %" PRIu64 " range%s%s; its address space %s %" PRIu64 " seal%s\n", pid,
		     dry_run ? "would seal" : "sealed", text_size(reply_integer(reply, "bytes"), size),
		     ranges, ranges == 1 ? "" : "s", reply_bool(reply, "native") ? ", by mseal(2) too" : "",
		     dry_run ? "would have" : "has", seals, seals == 1 ? "" : "s");
	/* Phrases of the daemon, not chosen by processes. */
	if (*reply_string(reply, "why_not_native"))
		(void)printf("pid %d %s: sealed by BPF programs only, not by mseal(2)\n", pid,
			     reply_string(reply, "why_not_native"));
	return dry_run ? print_plan(json_object_get(reply, "planned")) : CTL_OK;
}

int command_seal(struct ctl *ctl, int argc, char **argv)
{
	enum { OPTION_RANGES_FROM = CTL_OPTION_OWN, OPTION_DRY_RUN };
	static const struct option options[] = {
		SEAL_OPTIONS_LONG,
		TARGETS_OPTIONS_LONG,
		{ "ranges-from", required_argument, NULL, OPTION_RANGES_FROM },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		CTL_GLOBAL_OPTIONS,
	};
	struct change change = { .method = "Seal", .print = print_result };
	_cleanup_(targets_free) struct targets targets = {};
	_cleanup_json_ json_t *parameters = NULL;
	struct seal_options opts = {};
	const char *file = NULL;
	int option, r = 0;

	while ((option = options_next(ctl, argc, argv, options)) != CTL_END) {
		if (option == CTL_STOP)
			return ctl->status;
		if (option == OPTION_RANGES_FROM)
			file = optarg;
		else if (option == OPTION_DRY_RUN)
			change.dry_run = true;
		else if (!targets_take(&targets, option, optarg, &r))
			r = seal_options_take(ctl, &opts, option, optarg);
		if (r)
			return r;
	}
	r = targets_parse(ctl, &targets, argc, argv, true);
	if (r)
		return r;
	if (opts.segments && (file || optind < argc))
		return error_usage(ctl, "give ranges or --segments, not both");
	r = options_parse_ranges(ctl, argc, argv, file, &parameters);
	if (!r)
		r = targets_find(&targets);
	if (r)
		return r;
	if (targets.count > 1 && json_object_get(parameters, "ranges"))
		return error_usage(ctl, "ranges apply to one process, but %zu are given", targets.count);
	if (seal_options_to_json(&opts, parameters) < 0)
		return error_out_of_memory();
	change.parameters = parameters;
	return change_all(ctl, &change, &targets);
}
