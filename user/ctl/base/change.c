// SPDX-License-Identifier: LGPL-2.1-or-later
/* See change.h. */
#include "ctl/base/change.h"
#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/reply.h"
#include "lib/base/util.h"

struct outcome {
	size_t done;
	int status; /* of the first that failed */
};

static int call(const struct ctl *ctl, const struct change *change, pid_t pid, bool dry_run, json_t **ret)
{
	json_t *parameters = json_copy(change->parameters);

	if (!parameters || json_object_set_new(parameters, "pid", json_integer(pid)) < 0 ||
	    (dry_run && json_object_set_new(parameters, "dry_run", json_true()) < 0)) {
		json_decref(parameters);
		return error_out_of_memory();
	}
	return client_call(ctl, change->method, parameters, ret);
}

/*
 * Calls the method for each target. results: gets the replies, with the pid; NULL: replies are printed,
 * unless silent.
 */
static struct outcome call_each(const struct ctl *ctl, const struct change *change,
				const struct targets *targets, bool dry_run, json_t *results, bool silent)
{
	struct outcome outcome = {};

	for (size_t i = 0; i < targets->count; i++) {
		_cleanup_json_ json_t *reply = NULL;
		pid_t pid = targets->list[i];
		int r = call(ctl, change, pid, dry_run, &reply);

		if (!r && results)
			r = json_object_set_new(reply, "pid", json_integer(pid)) < 0 ||
					    json_array_append(results, reply) < 0 ?
				    error_out_of_memory() :
				    0;
		else if (!r && !silent)
			r = change->print(pid, reply, dry_run);
		if (!r)
			outcome.done++;
		else if (!outcome.status)
			outcome.status = r;
		if (r == CTL_NOT_RUNNING)
			break;
	}
	return outcome;
}

int change_all(const struct ctl *ctl, const struct change *change, const struct targets *targets)
{
	bool several = targets->count > 1 || targets->name_count;
	_cleanup_json_ json_t *results = ctl->json ? json_array() : NULL, *document = NULL;
	struct outcome outcome;

	if (targets->count > 1 && !change->dry_run) {
		outcome = call_each(ctl, change, targets, true, NULL, true);
		if (outcome.status)
			return error_status(outcome.status,
					    "no process was changed: %zu of %zu processes cannot be",
					    targets->count - outcome.done, targets->count);
	}
	outcome = call_each(ctl, change, targets, change->dry_run, results, false);
	if (results && several)
		document = json_pack("{s:O}", "processes", results);
	else if (results && outcome.done)
		document = json_incref(json_array_get(results, 0));
	if (document && client_print_json(document))
		return CTL_FAILURE;
	if (!outcome.status || !outcome.done || change->dry_run)
		return outcome.status;
	return error_status(CTL_PARTLY, "done for %zu of %zu processes only", outcome.done, targets->count);
}
