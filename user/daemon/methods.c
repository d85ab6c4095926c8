// SPDX-License-Identifier: LGPL-2.1-or-later
/* See methods.h; the interface is user/lib/varlink/io.mseald.varlink. */
#include "methods.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>

#include "arming.h"
#include "asker.h"
#include "containers.h"
#include "events.h"
#include "failure.h"
#include "listing.h"
#include "lock.h"
#include "matches.h"
#include "metrics.h"
#include "lib/base/names.h"
#include "parameters.h"
#include "lib/probe.h"
#include "report.h"
#include "run.h"
#include "sealing.h"
#include "status.h"
#include "sweep.h"
#include "telling.h"

static const char interface[] =
#include "interface.h"
	;

/* --- who asks about whom --- */

/* The process that is named, as mseald counts pids. -EINVAL and -EBADR as their readers say. */
static int read_process(const struct asker *asker, json_t *parameters, bool needed, pid_t *ret, const char **ret_bad,
			struct failure *failure)
{
	pid_t named = 0;
	int r = parameter_pid(parameters, needed, &named, ret_bad);

	return r < 0 || !named ? r : asker_find_pid(asker, named, ret, failure);
}

/* Messages have the pid that mseald knows: to one who counts otherwise both are said. */
static int reply_refusal(struct connection *connection, const struct asker *asker, struct failure *failure)
{
	struct failure both = *failure;
	pid_t theirs = failure->pid && asker->rank != ASKER_ROOT && !asker->same_pids ? asker_pid_for(asker, failure->pid) : 0;

	if (theirs) {
		both.pid = theirs;
		(void)snprintf(both.message, sizeof(both.message), "%.400s (pid %d is %d in the caller's pid namespace)",
			       failure->message, (int)failure->pid, (int)theirs);
	}
	return reply_failure(connection, &both);
}

/* --- io.mseald --- */

static int call_seal(struct connection *connection, json_t *parameters, bool more)
{
	struct seal_request request = { .stops = MSEALD_STOP_DEFAULT, .action = MSEALD_ACTION_DENY };
	_cleanup_(asker_close) struct asker asker = ASKER_EMPTY;
	struct daemon *daemon = connection_daemon(connection);
	_cleanup_free_ struct range *ranges = NULL;
	struct failure failure = {};
	struct seal_result result;
	const char *bad;
	int r;

	(void)more;
	connection_look(connection, &asker);
	r = read_process(&asker, parameters, true, &request.pid, &bad, &failure);
	if (r == -EBADR)
		return reply_failure(connection, &failure);
	if (r >= 0)
		r = parameter_seal_options(parameters, &request, &bad);
	if (r >= 0)
		r = parameter_ranges(parameters, &ranges, &request.count, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	request.asker = &asker;
	request.limited = asker.rank != ASKER_ROOT;
	if (request.count && request.classes)
		return reply_invalid(connection, "segments");
	if (!request.classes)
		request.classes = MSEALD_CLASSES_ALL;
	request.ranges = ranges;
	if (request.limited)
		sweep_linger();
	r = sealing_seal(daemon->programs, daemon->store, &request, &result, &failure);
	if (r < 0)
		sweep_after_failure(daemon);
	daemon_tidy(daemon);
	if (r < 0)
		return reply_refusal(connection, &asker, &failure);
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
	_cleanup_(asker_close) struct asker asker = ASKER_EMPTY;
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
	connection_look(connection, &asker);
	r = sealing_unseal(daemon->programs, daemon->store, &asker, pid, ranges, count, &bytes, &seals, &failure);
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
	struct asker asker;
	bool once = false;
	const char *bad;
	pid_t pid = 0;
	json_t *spaces;
	int r;

	connection_look(connection, &asker);
	r = read_process(&asker, parameters, false, &pid, &bad, &failure);
	if (r >= 0)
		r = parameter_bool(parameters, "once", &once, &bad);
	if (r < 0) {
		asker_close(&asker);
		return r == -EBADR ? reply_failure(connection, &failure) : reply_bad(connection, r, bad);
	}
	r = listing_open(daemon, &asker, pid, once, &listing, &failure);
	if (r < 0)
		return reply_failure(connection, &failure);
	if (more) {
		connection_stream(connection, listing_next_reply, listing_free, listing);
		return 0;
	}
	r = listing_all(listing, &spaces);
	listing_free(listing);
	if (r == -E2BIG) {
		(void)fail(&failure, "TooMany", 0, "there are too many seals for one answer; name a pid, or ask with more");
		return reply_failure(connection, &failure);
	}
	if (r < 0)
		return r;
	return connection_reply(connection, json_pack("{s:o}", "spaces", spaces), false);
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
	_cleanup_(asker_close) struct asker asker = ASKER_EMPTY;
	struct failure failure = {};
	const char *bad;
	pid_t pid = 0;
	int r;

	r = parameter_pid(parameters, false, &pid, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	if (!more)
		return connection_error(connection, "org.varlink.service.ExpectedMore", NULL);
	connection_look(connection, &asker);
	/* The process may be gone when its pid is to be translated. */
	if (asker.rank != ASKER_ROOT && !asker.same_pids) {
		(void)fail(&failure, "Unsupported", 0,
			   "attempts have pids as mseald counts them, and the caller is in another pid namespace; monitor outside of it");
		return reply_failure(connection, &failure);
	}
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
			 (json_int_t)event->cgroup, "operation", names_op(event->op), "address",
			 (json_int_t)event->address, "length", (json_int_t)event->length, "seal", "start",
			 (json_int_t)event->seal_start, "end", (json_int_t)event->seal_end, "class",
			 names_class(event->rule_class), "verdict", names_verdict(event->verdict),
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
	enum asker_rank rank;		/* that the caller needs at least */
	const char *parameters[8];	/* all it knows */
	const char *what;		/* it does, as a phrase, where not everybody may */
} methods[] = {
	{ "io.mseald.Seal", call_seal, ASKER_USER, { "pid", "ranges", "segments", "deny", "action", "revocable" } },
	{ "io.mseald.Run", run_call, ASKER_USER, { "segments", "deny", "action", "revocable" } },
	{ "io.mseald.Unseal", call_unseal, ASKER_ROOT, { "pid", "ranges" }, "take seals back" },
	{ "io.mseald.List", call_list, ASKER_USER, { "pid", "once" } },
	{ "io.mseald.Status", status_call, ASKER_USER, { NULL } },
	{ "io.mseald.Metrics", call_metrics, ASKER_HOST, { NULL }, "read the metrics" },
	{ "io.mseald.Monitor", call_monitor, ASKER_USER, { "pid" } },
	{ "io.mseald.ReloadPolicy", call_reload_policy, ASKER_HOST, { NULL }, "have the policies read again" },
	{ "io.mseald.ListMatches", call_list_matches, ASKER_ROOT, { NULL }, "see what policies are about" },
	{ "io.mseald.ArmContainer", arming_call_arm, ASKER_ROOT, { "pid", "id", "policy", "segments", "deny", "action", "dlopen" }, "have containers sealed" },
	{ "io.mseald.DisarmContainer", arming_call_disarm, ASKER_ROOT, { "id" }, "disarm containers" },
	{ "io.mseald.Report", call_report, ASKER_ROOT, { "policy", "reset" }, "read the report; msealctl monitor shows everybody what his own processes try" },
	{ "org.varlink.service.GetInfo", call_info, ASKER_USER, { NULL } },
	{ "org.varlink.service.GetInterfaceDescription", call_describe, ASKER_USER, { "interface" } },
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

static bool has_rank(struct connection *connection, const struct method *method)
{
	struct asker asker;

	connection_look(connection, &asker);
	asker_close(&asker);
	return asker.rank >= method->rank;
}

static int refuse(struct connection *connection, const struct method *method)
{
	struct failure failure = {};
	struct asker asker;

	connection_look(connection, &asker);
	asker_close(&asker);
	(void)fail(&failure, "PermissionDenied", 0, "only root may %s%s%s", method->what,
		   asker.not_root ? "; the caller has user id 0, but is not taken for root: " : "", asker.not_root ?: "");
	return reply_failure(connection, &failure);
}

int methods_call(struct connection *connection, const char *name, json_t *parameters, bool more)
{
	for (size_t i = 0; i < ELEMENTS(methods); i++) {
		const char *unknown;

		if (strcmp(methods[i].name, name) != 0)
			continue;
		if (methods[i].rank != ASKER_USER && !connection_is_root(connection) && !has_rank(connection, &methods[i]))
			return refuse(connection, &methods[i]);
		unknown = parameters ? unknown_parameter(&methods[i], parameters) : NULL;
		if (unknown)
			return reply_invalid(connection, unknown);
		return methods[i].call(connection, parameters, more);
	}
	return connection_error(connection, "org.varlink.service.MethodNotFound",
				json_pack("{s:s}", "method", name));
}
