// SPDX-License-Identifier: LGPL-2.1-or-later
/* Report: attempts, summed up. */
#include "api/method.h"
#include "audit/report.h"
#include "bpf/events.h"

int method_report(struct connection *connection, json_t *parameters)
{
	const char *policy = json_string_value(json_object_get(parameters, "policy"));
	struct daemon *daemon = connection->server->daemon;
	struct error error = {};
	const char *bad;
	bool reset = false;
	int r;

	if (params_given(parameters, "policy") && !policy)
		return reply_invalid(connection, "policy");
	r = params_bool(parameters, "reset", &reset, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	/* Only the whole report can be emptied: it has one `since`. */
	if (policy && reset)
		return reply_invalid(connection, "policy");
	/* The answer includes everything that happened before the call. */
	events_catch_up(&daemon->events);
	return reply_or_failure(connection, report_json(&daemon->report, policy, reset, &error), &error);
}
