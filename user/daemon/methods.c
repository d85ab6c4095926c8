// SPDX-License-Identifier: LGPL-2.1-or-later
/* See methods.h; the interface is user/lib/io.mseald.varlink. */
#include "methods.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>

#include "events.h"
#include "failure.h"
#include "listing.h"
#include "names.h"
#include "probe.h"
#include "sealing.h"
#include "sweep.h"

static const char interface[] =
#include "interface.h"
	;

static int reply_failure(struct connection *connection, const struct failure *failure)
{
	char name[64];
	json_t *parameters = json_pack("{s:s}", "message", failure->message);

	(void)snprintf(name, sizeof(name), "io.mseald.%s", failure->error);
	if (parameters && failure->pid)
		(void)json_object_set_new(parameters, "pid", json_integer(failure->pid));
	if (parameters && failure->address)
		(void)json_object_set_new(parameters, "address", json_integer((json_int_t)failure->address));
	return connection_error(connection, name, parameters);
}

static int reply_invalid(struct connection *connection, const char *parameter)
{
	return connection_error(connection, "org.varlink.service.InvalidParameter",
				json_pack("{s:s}", "parameter", parameter));
}

/* --- reading parameters: 0, or -EINVAL with the parameter's name in *ret_bad --- */

static bool given(json_t *parameters, const char *name)
{
	json_t *value = json_object_get(parameters, name);

	return value && !json_is_null(value);
}

static int read_pid(json_t *parameters, bool needed, pid_t *ret, const char **ret_bad)
{
	json_t *value = json_object_get(parameters, "pid");

	*ret_bad = "pid";
	if (!given(parameters, "pid"))
		return needed ? -EINVAL : 0;
	if (!json_is_integer(value) || json_integer_value(value) <= 0 || json_integer_value(value) > INT32_MAX)
		return -EINVAL;
	*ret = (pid_t)json_integer_value(value);
	return 0;
}

static int read_bool(json_t *parameters, const char *name, bool *ret, const char **ret_bad)
{
	json_t *value = json_object_get(parameters, name);

	*ret_bad = name;
	if (!given(parameters, name))
		return 0;
	if (!json_is_boolean(value))
		return -EINVAL;
	*ret = json_is_true(value);
	return 0;
}

/* A list of words into a mask; `one` reads a single word into its bits. */
static int read_words(json_t *parameters, const char *name, int (*parse)(const char *, unsigned *, char **),
		      unsigned *ret, const char **ret_bad)
{
	json_t *list = json_object_get(parameters, name), *word;
	unsigned mask = 0, bits;
	size_t i;

	*ret_bad = name;
	if (!given(parameters, name))
		return 0;
	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > 64)
		return -EINVAL;
	json_array_foreach(list, i, word) {
		_cleanup_free_ char *bad = NULL;

		if (!json_is_string(word) || parse(json_string_value(word), &bits, &bad) < 0)
			return -EINVAL;
		mask |= bits;
	}
	*ret = mask;
	return 0;
}

static int read_action(json_t *parameters, enum mseald_action *ret, const char **ret_bad)
{
	json_t *value = json_object_get(parameters, "action");
	int action;

	*ret_bad = "action";
	if (!given(parameters, "action"))
		return 0;
	action = json_is_string(value) ? mseald_action_from_name(json_string_value(value)) : -EINVAL;
	if (action < 0)
		return action;
	*ret = (enum mseald_action)action;
	return 0;
}

/* An address as JSON has it: never negative, so beyond 63 bits is refused here. */
static int read_address(json_t *range, const char *name, uint64_t *ret)
{
	json_t *value = json_object_get(range, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return -EINVAL;
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

/* -E2BIG: more than any request may have. An empty list is refused: it would mean everything. */
static int read_ranges(json_t *parameters, struct range **ret, size_t *ret_count, const char **ret_bad)
{
	json_t *list = json_object_get(parameters, "ranges"), *value;
	_cleanup_free_ struct range *ranges = NULL;
	size_t i;

	*ret_bad = "ranges";
	if (!given(parameters, "ranges"))
		return 0;
	if (!json_is_array(list) || json_array_size(list) == 0)
		return -EINVAL;
	if (json_array_size(list) > SEALING_MAX_RANGES)
		return -E2BIG;
	ranges = calloc(json_array_size(list), sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	json_array_foreach(list, i, value)
		if (!json_is_object(value) || read_address(value, "start", &ranges[i].start) < 0 ||
		    read_address(value, "end", &ranges[i].end) < 0)
			return -EINVAL;
	*ret_count = json_array_size(list);
	*ret = TAKE_PTR(ranges);
	return 0;
}

static int reply_bad(struct connection *connection, int error, const char *bad)
{
	struct failure failure = {};

	if (error == -EINVAL)
		return reply_invalid(connection, bad);
	if (error == -E2BIG)
		(void)fail(&failure, "TooMany", 0, "too many ranges: one request can name %d",
			   SEALING_MAX_RANGES);
	else
		(void)fail(&failure, "Failed", 0, "cannot read the request: %s", strerror(-error));
	return reply_failure(connection, &failure);
}

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
	r = read_pid(parameters, true, &request.pid, &bad);
	if (r >= 0)
		r = read_words(parameters, "segments", mseald_classes_parse, &request.classes, &bad);
	if (r >= 0)
		r = read_words(parameters, "deny", mseald_stops_parse, &request.stops, &bad);
	if (r >= 0)
		r = read_action(parameters, &request.action, &bad);
	if (r >= 0)
		r = read_bool(parameters, "revocable", &request.revocable, &bad);
	if (r >= 0)
		r = read_ranges(parameters, &ranges, &request.count, &bad);
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
	r = read_pid(parameters, true, &pid, &bad);
	if (r >= 0)
		r = read_ranges(parameters, &ranges, &count, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	r = sealing_unseal(daemon->programs, daemon->store, pid, ranges, count, &bytes, &seals, &failure);
	daemon_tidy(daemon);
	if (r < 0)
		return reply_failure(connection, &failure);
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

	r = read_pid(parameters, false, &pid, &bad);
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
		json_pack("{s:s,s:s,s:b,s:s,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "version", MSEALD_VERSION,
			  "kernel", name.release, "attached", programs_attached(daemon->programs), "preemption",
			  preemption, "rows", status_rows(daemon, preemption), "spaces",
			  (json_int_t)state->sealed, "sets", (json_int_t)store_count_sets(daemon->store),
			  "spaces_max", (json_int_t)MSEALD_MAX_SPACES, "sets_max",
			  (json_int_t)MSEALD_MAX_SETS - 1, "lost", (json_int_t)events_lost(daemon->events),
			  "misses", (json_int_t)programs_misses(daemon->programs, NULL), "denied",
			  (json_int_t)verdicts[MSEALD_VERDICT_DENIED], "killed",
			  (json_int_t)verdicts[MSEALD_VERDICT_KILLED], "audited",
			  (json_int_t)verdicts[MSEALD_VERDICT_AUDITED]),
		false);
}

static int call_monitor(struct connection *connection, json_t *parameters, bool more)
{
	const char *bad;
	pid_t pid = 0;
	int r;

	r = read_pid(parameters, false, &pid, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	if (!more)
		return connection_error(connection, "org.varlink.service.ExpectedMore", NULL);
	connection_monitor(connection, pid);
	return 0;
}

json_t *methods_event(const struct mseald_event *event)
{
	char comm[MSEALD_COMM_LEN * 2 + 1];

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:s,s:I,s:I,s:{s:I,s:I},s:s,s:s,s:I}", "time",
			 (json_int_t)event->time, "space", (json_int_t)event->space, "pid",
			 (json_int_t)event->tgid, "tid", (json_int_t)event->pid, "uid", (json_int_t)event->uid,
			 "gid", (json_int_t)event->gid, "comm", listing_comm(event->comm, comm), "cgroup",
			 (json_int_t)event->cgroup, "operation", mseald_op_name(event->op), "address",
			 (json_int_t)event->address, "length", (json_int_t)event->length, "seal", "start",
			 (json_int_t)event->seal_start, "end", (json_int_t)event->seal_end, "class",
			 mseald_class_name(event->rule_class), "verdict", mseald_verdict_name(event->verdict),
			 "ip", (json_int_t)event->ip);
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
	{ "io.mseald.Unseal", call_unseal, false, { "pid", "ranges" } },
	{ "io.mseald.List", call_list, false, { "pid" } },
	{ "io.mseald.Status", call_status, false, { NULL } },
	{ "io.mseald.Monitor", call_monitor, false, { "pid" } },
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
