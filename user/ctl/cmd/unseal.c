// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl unseal: asks the daemon to revoke revocable seals. */
#include <inttypes.h>

#include "ctl/base/change.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "ctl/cmd/commands.h"
#include "lib/base/util.h"

static int print_result(pid_t pid, const json_t *reply, bool dry_run)
{
	uint64_t seals = reply_integer(reply, "seals");
	char size[TEXT_SIZE_MAX];

	(void)printf("pid %d: %s %s; its address space %s %" PRIu64 " seal%s\n", pid,
		     dry_run ? "would unseal" : "unsealed", text_size(reply_integer(reply, "bytes"), size),
		     dry_run ? "would have" : "has", seals, seals == 1 ? "" : "s");
	return CTL_OK;
}

int command_unseal(struct ctl *ctl, int argc, char **argv)
{
	enum { OPTION_RANGES_FROM = CTL_OPTION_OWN, OPTION_DRY_RUN };
	static const struct option options[] = {
		TARGETS_OPTIONS_LONG,
		{ "ranges-from", required_argument, NULL, OPTION_RANGES_FROM },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		CTL_GLOBAL_OPTIONS,
	};
	struct change change = { .method = "Unseal", .print = print_result };
	_cleanup_(targets_free) struct targets targets = {};
	_cleanup_json_ json_t *parameters = NULL;
	const char *file = NULL;
	int option, r = 0;

	while ((option = options_next(ctl, argc, argv, options)) != CTL_END) {
		if (option == CTL_STOP)
			return ctl->status;
		if (option == OPTION_RANGES_FROM)
			file = optarg;
		else if (option == OPTION_DRY_RUN)
			change.dry_run = true;
		else
			(void)targets_take(&targets, option, optarg, &r);
		if (r)
			return r;
	}
	r = targets_parse(ctl, &targets, argc, argv, true);
	if (!r)
		r = options_parse_ranges(ctl, argc, argv, file, &parameters);
	if (!r)
		r = targets_find(&targets);
	if (r)
		return r;
	if (targets.count > 1 && json_object_get(parameters, "ranges"))
		return error_usage(ctl, "ranges apply to one process, but %zu are given", targets.count);
	change.parameters = parameters;
	return change_all(ctl, &change, &targets);
}
