// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * msealctl run: becomes another program, which the daemon holds at its entry point until it is sealed. Then
 * only the pid of this process is left. So it need not pass on any status, signal or terminal.
 */
#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/reply.h"
#include "ctl/base/seal_options.h"
#include "ctl/cmd/commands.h"
#include "lib/base/util.h"

/* As in env(1) and nohup(1). */
enum {
	RUN_CANNOT = 126, /* it exists, but cannot be run */
	RUN_NOT_FOUND = 127,
};

int command_run(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		SEAL_OPTIONS_LONG,
		CTL_GLOBAL_OPTIONS,
	};
	_cleanup_json_ json_t *parameters = NULL, *reply = NULL;
	_cleanup_client_ struct varlink_client *client = NULL;
	struct seal_options opts = {};
	int option, r;

	ctl->in_order = true;
	while ((option = options_next(ctl, argc, argv, options)) != CTL_END) {
		if (option == CTL_STOP)
			return ctl->status;
		r = seal_options_take(ctl, &opts, option, optarg);
		if (r)
			return r;
	}
	if (optind == argc)
		return error_usage(ctl, "no PROGRAM given");
	parameters = json_object();
	if (!parameters || seal_options_to_json(&opts, parameters) < 0)
		return error_out_of_memory();
	r = client_connect(ctl, &client);
	if (r == 0)
		r = client_call_on(ctl, client, "Run", parameters, &reply);
	/* Other statuses belong to the program. */
	if (r)
		return CTL_FAILURE;
	/* exec closes the connection. If exec fails, our exit does: the daemon then drops the request. */
	(void)execvp(argv[optind], argv + optind);
	r = errno;
	(void)error_failure("cannot run %s: %s", argv[optind], strerror(r));
	return r == ENOENT ? RUN_NOT_FOUND : RUN_CANNOT;
}
