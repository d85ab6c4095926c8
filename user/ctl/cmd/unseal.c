// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl unseal: asks the daemon to take revocable seals back. */
#include <inttypes.h>

#include "ctl/base/client.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "ctl/cmd/commands.h"
#include "lib/base/util.h"

enum { OPTION_RANGES_FROM = CTL_OPTION_OWN };

static int print_result(const struct ctl *ctl, pid_t pid, const json_t *reply)
{
	uint64_t seals = reply_integer(reply, "seals");
	char size[TEXT_SIZE_MAX];

	if (ctl->json)
		return client_print_json(reply);
	(void)printf("pid %d: unsealed %s; its address space has %" PRIu64 " seal%s\n", pid,
		     text_size(reply_integer(reply, "bytes"), size), seals, seals == 1 ? "" : "s");
	return CTL_OK;
}

int command_unseal(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "ranges-from", required_argument, NULL, OPTION_RANGES_FROM },
		CTL_GLOBAL_OPTIONS,
	};
	_cleanup_json_ json_t *reply = NULL, *parameters = NULL;
	const char *file = NULL;
	int option, r;
	pid_t pid;

	while ((option = options_next(ctl, argc, argv, options)) != CTL_END) {
		if (option == CTL_STOP)
			return ctl->status;
		file = optarg;
	}
	r = options_parse_target(ctl, argc, argv, file, &pid, &parameters);
	if (r)
		return r;
	r = client_call(ctl, "Unseal", TAKE_PTR(parameters), &reply);
	if (r)
		return r;
	return print_result(ctl, pid, reply);
}
