// SPDX-License-Identifier: LGPL-2.1-or-later
/* See methods.h; the interface is user/lib/io.mseald.varlink. */
#include "methods.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>

#include "arming.h"
#include "containers.h"
#include "events.h"
#include "failure.h"
#include "listing.h"
#include "lock.h"
#include "matches.h"
#include "metrics.h"
#include "names.h"
#include "parameters.h"
#include "probe.h"
#include "report.h"
#include "run.h"
#include "sealing.h"
#include "sweep.h"
#include "telling.h"

static const char interface[] =
#include "interface.h"
	;

/* --- io.mseald --- */

static int call_seal(struct connection *connection, json_t *parameters, bool more)
{
	struct seal_request request = { .stops = MSEALD_STOP_DEFAULT, .action = MSEALD_ACTION_DENY };
	struct daemon *daemon = connection_daemon(connection);
	_cleanup_free_ struct range *ranges = NULL;
	struct failure failure = {};
	struct seal_result result;
	const char *bad;
	int r;

	(void)more;
	r = parameter_pid(parameters, true, &request.pid, &bad);
	if (r >= 0)
		r = parameter_seal_options(parameters, &request, &bad);
	if (r >= 0)
		r = parameter_ranges(parameters, &ranges, &request.count, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	if (request.count && request.classes)
		return reply_invalid(connection, "segments");
	if (!request.classes)
		request.classes = MSEALD_CLASSES_ALL;
	request.ranges = ranges;
	r = sealing_seal(daemon->programs, daemon->store, &request, &result, &failure);
	if (r < 0)
		sweep_after_failure(daemon);
	daemon_tidy(daemon);
	if (r < 0)
		return reply_failure(connection, &failure);
	tell_sealed(connection, request.pid, &result);
	return connection_reply(connection,
				json_pack("{s:I,s:I,s:I,s:I,s:b,s:s*}", "space", (json_int_t)result.space, "ranges",
					  (json_int_t)result.ranges, "bytes", (json_int_t)result.bytes, "seals",
					  (json_int_t)result.seals, "native", result.native, "whyNotNative",
					  result.why_not_native),
				false);
}

static int call_unseal(struct connection *connection, json_t *parameters, bool more)
{
	struct daemon *daemon = connection_daemon(connection);
	_cleanup_free_ struct range *ranges = NULL;
	struct failure failure = {};
	size_t count = 0, seals = 0;
	uint64_t bytes = 0;
	const char *bad;
	pid_t pid = 0;
	int r;

	(void)more;
	r = parameter_pid(parameters, true, &pid, &bad);
	if (r >= 0)
		r = parameter_ranges(parameters, &ranges, &count, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	r = sealing_unseal(daemon->programs, daemon->store, pid, ranges, count, &bytes, &seals, &failure);
	daemon_tidy(daemon);
	if (r < 0)
		return reply_failure(connection, &failure);
	tell_unsealed(connection, pid, bytes, seals);
	return connection_reply(connection, json_pack("{s:I,s:I}", "bytes", (json_int_t)bytes, "seals",
						      (json_int_t)seals),
				false);
}

static int call_list(struct connection *connection, json_t *parameters, bool more)
{
	struct daemon *daemon = connection_daemon(connection);
	struct failure failure = {};
	struct listing *listing;
	const char *bad;
	pid_t pid = 0;
	json_t *spaces;
	int r;

	r = parameter_pid(parameters, false, &pid, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	r = listing_open(daemon, pid, &listing, &failure);
	if (r < 0)
		return reply_failure(connection, &failure);
	if (more) {
		connection_stream(connection, listing_next_reply, listing_free, listing);
		return 0;
	}
	r = listing_all(listing, &spaces);
	listing_free(listing);
	if (r < 0)
		return r;
	return connection_reply(connection, json_pack("{s:o}", "spaces", spaces), false);
}

static json_t *status_rows(struct daemon *daemon, const char *preemption)
{
	bool preempts = strcmp(preemption, "none") != 0 && strcmp(preemption, "voluntary") != 0;
	const struct choice *choice = programs_choice(daemon->programs);
	const struct decision *decisions = choice->decisions;
	json_t *rows = json_array();

	for (size_t i = 0; i < choice->decisions_count; i++) {
		enum means means = decisions[i].means;
		json_t *row = json_pack("{s:i,s:s,s:s,s:s,s:b,s:s}", "row", decisions[i].row, "operation",
					decisions[i].operation, "outcome",
					means == MEANS_NONE ? "not covered" :
					means == MEANS_KERNEL ? "EINVAL" :
					means == MEANS_KILL ? "SIGKILL" : "EPERM",
					"by", means_name(means), "raced",
					(means == MEANS_KILL || means == MEANS_OVERRIDE) && preempts,
					"native", native_scope_name(decisions[i].native));

		if (row && decisions[i].note)
			(void)json_object_set_new(row, "note", json_string(decisions[i].note));
		(void)json_array_append_new(rows, row);
	}
	return rows;
}

static int call_status(struct connection *connection, json_t *parameters, bool more)
{
	struct daemon *daemon = connection_daemon(connection);
	volatile const struct mseald_state *state = programs_state(daemon->programs);
	const char *preemption = probe_preemption();
	uint64_t verdicts[MSEALD_VERDICT_COUNT] = {};
	struct utsname name = {};

	(void)parameters;
	(void)more;
	(void)uname(&name);
	for (unsigned op = 0; op < MSEALD_OP_COUNT; op++)
		for (unsigned verdict = 0; verdict < MSEALD_VERDICT_COUNT; verdict++)
			verdicts[verdict] += state->attempts[op][verdict];
	return connection_reply(
		connection,
		json_pack("{s:s,s:s,s:b,s:s,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o*}", "version", MSEALD_VERSION,
			  "kernel", name.release, "attached", programs_attached(daemon->programs), "preemption",
			  preemption, "rows", status_rows(daemon, preemption), "spaces",
			  (json_int_t)state->sealed, "sets", (json_int_t)sets_count(store_sets(daemon->store)),
			  "spaces_max", (json_int_t)MSEALD_MAX_SPACES, "sets_max",
			  (json_int_t)MSEALD_MAX_SETS - 1, "lost", (json_int_t)events_lost(daemon->events),
			  "misses", (json_int_t)programs_misses(daemon->programs, NULL), "denied",
			  (json_int_t)verdicts[MSEALD_VERDICT_DENIED], "killed",
			  (json_int_t)verdicts[MSEALD_VERDICT_KILLED], "audited",
			  (json_int_t)verdicts[MSEALD_VERDICT_AUDITED], "lock", lock_tell(daemon->lock)),
		false);
}

static int call_metrics(struct connection *connection, json_t *parameters, bool more)
{
	json_t *reply = metrics_tell(connection_daemon(connection));

	(void)parameters;
	(void)more;
	return reply ? connection_reply(connection, reply, false) : -ENOMEM;
}

static int call_monitor(struct connection *connection, json_t *parameters, bool more)
{
	const char *bad;
	pid_t pid = 0;
	int r;

	r = parameter_pid(parameters, false, &pid, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	if (!more)
		return connection_error(connection, "org.varlink.service.ExpectedMore", NULL);
	connection_monitor(connection, pid);
	return 0;
}

static int reply_made(struct connection *connection, json_t *reply, const struct failure *failure)
{
	return reply ? connection_reply(connection, reply, false) : reply_failure(connection, failure);
}

static int call_reload_policy(struct connection *connection, json_t *parameters, bool more)
{
	struct failure failure = {};

	(void)parameters;
	(void)more;
	return reply_made(connection, matches_reload(connection_daemon(connection), &failure), &failure);
}

static int call_list_matches(struct connection *connection, json_t *parameters, bool more)
{
	struct failure failure = {};

	(void)parameters;
	(void)more;
	return reply_made(connection, matches_list(connection_daemon(connection), &failure), &failure);
}

static int call_report(struct connection *connection, json_t *parameters, bool more)
{
	const char *policy = json_string_value(json_object_get(parameters, "policy"));
	struct failure failure = {};
	const char *bad;
	bool reset = false;
	int r;

	(void)more;
	if (parameter_given(parameters, "policy") && !policy)
		return reply_invalid(connection, "policy");
	r = parameter_bool(parameters, "reset", &reset, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	/* It is emptied as a whole: since is said once. */
	if (policy && reset)
		return reply_invalid(connection, "policy");
	return reply_made(connection, report_tell(connection_daemon(connection)->report, policy, reset, &failure), &failure);
}

json_t *methods_event(struct daemon *daemon, const struct mseald_event *event)
{
	char comm[MSEALD_COMM_LEN * 2 + 1];

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:s,s:I,s:I,s:{s:I,s:I},s:s,s:s,s:I,s:s*}", "time",
			 (json_int_t)event->time, "space", (json_int_t)event->space, "pid",
			 (json_int_t)event->tgid, "tid", (json_int_t)event->pid, "uid", (json_int_t)event->uid,
			 "gid", (json_int_t)event->gid, "comm", listing_comm(event->comm, comm), "cgroup",
			 (json_int_t)event->cgroup, "operation", mseald_op_name(event->op), "address",
			 (json_int_t)event->address, "length", (json_int_t)event->length, "seal", "start",
			 (json_int_t)event->seal_start, "end", (json_int_t)event->seal_end, "class",
			 mseald_class_name(event->rule_class), "verdict", mseald_verdict_name(event->verdict),
			 "ip", (json_int_t)event->ip, "container", containers_find(daemon->containers, event->cgroup));
}

/* --- org.varlink.service --- */

static int call_info(struct connection *connection, json_t *parameters, bool more)
{
	(void)parameters;
	(void)more;
	return connection_reply(connection,
				json_pack("{s:s,s:s,s:s,s:s,s:[s,s]}", "vendor", "mseald", "product", "mseald",
					  "version", MSEALD_VERSION, "url", "", "interfaces",
					  "org.varlink.service", "io.mseald"),
				false);
}

static const char service_interface[] =
	"# The Varlink Service Interface is provided by every varlink service.\n"
	"interface org.varlink.service\n\n"
	"method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)\n\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n";

static int call_describe(struct connection *connection, json_t *parameters, bool more)
{
	const char *name = json_string_value(json_object_get(parameters, "interface"));
	const char *description;

	(void)more;
	if (!name)
		return reply_invalid(connection, "interface");
	description = strcmp(name, "io.mseald") == 0 ? interface :
		      strcmp(name, "org.varlink.service") == 0 ? service_interface : NULL;
	if (!description)
		return connection_error(connection, "org.varlink.service.InterfaceNotFound",
					json_pack("{s:s}", "interface", name));
	return connection_reply(connection, json_pack("{s:s}", "description", description), false);
}

static const struct method {
	const char *name;
	int (*call)(struct connection *, json_t *, bool);
	bool open;			/* to everybody; the others to root */
	const char *parameters[8];	/* all it knows */
} methods[] = {
	{ "io.mseald.Seal", call_seal, false, { "pid", "ranges", "segments", "deny", "action", "revocable" } },
	{ "io.mseald.Run", run_call, true, { "segments", "deny", "action", "revocable" } },
	{ "io.mseald.Unseal", call_unseal, false, { "pid", "ranges" } },
	{ "io.mseald.List", call_list, false, { "pid" } },
	{ "io.mseald.Status", call_status, false, { NULL } },
	{ "io.mseald.Metrics", call_metrics, false, { NULL } },
	{ "io.mseald.Monitor", call_monitor, false, { "pid" } },
	{ "io.mseald.ReloadPolicy", call_reload_policy, false, { NULL } },
	{ "io.mseald.ListMatches", call_list_matches, false, { NULL } },
	{ "io.mseald.ArmContainer", arming_call_arm, false, { "pid", "id", "policy", "segments", "deny", "action", "dlopen" } },
	{ "io.mseald.DisarmContainer", arming_call_disarm, false, { "id" } },
	{ "io.mseald.Report", call_report, false, { "policy", "reset" } },
	{ "org.varlink.service.GetInfo", call_info, true, { NULL } },
	{ "org.varlink.service.GetInterfaceDescription", call_describe, true, { "interface" } },
};

/* A misspelt parameter must not be taken for one that was left out. */
static const char *unknown_parameter(const struct method *method, json_t *parameters)
{
	const char *name;
	json_t *value;

	json_object_foreach(parameters, name, value) {
		bool known = false;

		for (size_t i = 0; i < ELEMENTS(method->parameters) && method->parameters[i]; i++)
			known |= strcmp(method->parameters[i], name) == 0;
		if (!known)
			return name;
	}
	return NULL;
}

int methods_call(struct connection *connection, const char *name, json_t *parameters, bool more)
{
	for (size_t i = 0; i < ELEMENTS(methods); i++) {
		const char *unknown;

		if (strcmp(methods[i].name, name) != 0)
			continue;
		if (!methods[i].open && connection_uid(connection) != 0) {
			struct failure failure = {};

			(void)fail(&failure, "PermissionDenied", 0, "only root may do this");
			return reply_failure(connection, &failure);
		}
		unknown = parameters ? unknown_parameter(&methods[i], parameters) : NULL;
		if (unknown)
			return reply_invalid(connection, unknown);
		return methods[i].call(connection, parameters, more);
	}
	return connection_error(connection, "org.varlink.service.MethodNotFound",
				json_pack("{s:s}", "method", name));
}
