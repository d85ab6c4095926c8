// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl seal: asks the daemon to seal ranges or segments of a process. */
#include <inttypes.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/seal_options.h"
#include "ctl/base/text.h"
#include "ctl/cmd/commands.h"
#include "lib/base/util.h"

enum { OPTION_RANGES_FROM = CTL_OPTION_OWN };

static int print_result(const struct ctl *ctl, pid_t pid, const json_t *reply)
{
	uint64_t ranges = reply_integer(reply, "ranges"), seals = reply_integer(reply, "seals");
	char size[TEXT_SIZE_MAX];

	if (ctl->json)
		return client_print_json(reply);
	(void)printf("pid %d: sealed %s in %" PRIu64 " range%s%s; its address space has %" PRIu64 " seal%s\n",
		     pid, text_size(reply_integer(reply, "bytes"), size), ranges, ranges == 1 ? "" : "s",
		     reply_bool(reply, "native") ? ", by mseal(2) too" : "", seals, seals == 1 ? "" : "s");
	/* Phrases of the daemon: not chosen by processes. */
	if (*reply_string(reply, "why_not_native"))
		(void)printf("pid %d %s: sealed by BPF programs only, not by mseal(2)\n", pid,
			     reply_string(reply, "why_not_native"));
	return CTL_OK;
}

int command_seal(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		SEAL_OPTIONS_LONG,
		{ "ranges-from", required_argument, NULL, OPTION_RANGES_FROM },
		CTL_GLOBAL_OPTIONS,
	};
	_cleanup_json_ json_t *reply = NULL, *parameters = NULL;
	struct seal_options opts = {};
	const char *file = NULL;
	int option, r;
	pid_t pid;

	while ((option = options_next(ctl, argc, argv, options)) != CTL_END) {
		if (option == CTL_STOP)
			return ctl->status;
		if (option == OPTION_RANGES_FROM) {
			file = optarg;
			continue;
		}
		r = seal_options_take(ctl, &opts, option, optarg);
		if (r)
			return r;
	}
	if (opts.segments && (file || optind + 1 < argc))
		return error_usage(ctl, "give ranges or --segments, not both");
	r = options_parse_target(ctl, argc, argv, file, &pid, &parameters);
	if (r)
		return r;
	if (seal_options_to_json(&opts, parameters) < 0)
		return error_out_of_memory();
	r = client_call(ctl, "Seal", TAKE_PTR(parameters), &reply);
	if (r)
		return r;
	return print_result(ctl, pid, reply);
}
