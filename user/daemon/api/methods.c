// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of all methods; the interface is user/lib/varlink/io.mseald.varlink. */
#include "api/method.h"

static const char interface[] =
#include "interface.h"
	;

/* --- org.varlink.service --- */

static int call_info(struct connection *connection, json_t *parameters)
{
	return connection_reply(connection,
				json_pack("{s:s,s:s,s:s,s:s,s:[s,s]}", "vendor", "mseald", "product",
					  "mseald", "version", MSEALD_VERSION, "url", "", "interfaces",
					  "org.varlink.service", "io.mseald"),
				false);
}

static const char service_interface[] =
	"# The Varlink Service Interface is provided by every varlink service.\n"
	"interface org.varlink.service\n\n"
	"method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: "
	"[]string)\n\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n";

static int call_describe(struct connection *connection, json_t *parameters)
{
	const char *name = json_string_value(json_object_get(parameters, "interface"));
	const char *description;

	if (!name)
		return reply_invalid(connection, "interface");
	description = strcmp(name, "io.mseald") == 0	       ? interface :
		      strcmp(name, "org.varlink.service") == 0 ? service_interface :
								 NULL;
	if (!description)
		return connection_error(connection, "org.varlink.service.InterfaceNotFound",
					json_pack("{s:s}", "interface", name));
	return connection_reply(connection, json_pack("{s:s}", "description", description), false);
}

static const struct method {
	const char *name;
	int (*call)(struct connection *, json_t *);
	enum client_rank rank;	   /* the lowest rank allowed */
	const char *parameters[8]; /* all known ones */
	const char *what;	   /* the action, as a phrase, unless anyone may call it */
} methods[] = {
	{ "io.mseald.Seal",
	  method_seal,
	  CLIENT_USER,
	  { "pid", "ranges", "segments", "deny", "action", "revocable", "dry_run" } },
	{ "io.mseald.Run", method_run, CLIENT_USER, { "segments", "deny", "action", "revocable" } },
	{ "io.mseald.Unseal", method_unseal, CLIENT_ROOT, { "pid", "ranges", "dry_run" }, "remove seals" },
	{ "io.mseald.List", method_list, CLIENT_USER, { "pid", "once" } },
	{ "io.mseald.Status", method_status, CLIENT_USER, { NULL } },
	{ "io.mseald.Metrics", method_metrics, CLIENT_HOST, { NULL }, "read the metrics" },
	{ "io.mseald.Monitor", method_monitor, CLIENT_USER, { "pid" } },
	{ "io.mseald.ReloadPolicy", method_reload_policy, CLIENT_HOST, { NULL }, "reload the policies" },
	{ "io.mseald.ListMatches",
	  method_list_matches,
	  CLIENT_ROOT,
	  { NULL },
	  "list the processes of policies" },
	{ "io.mseald.WatchContainer",
	  method_watch_container,
	  CLIENT_ROOT,
	  { "pid", "id", "policy", "segments", "deny", "action", "dlopen" },
	  "have containers sealed" },
	{ "io.mseald.UnwatchContainer",
	  method_unwatch_container,
	  CLIENT_ROOT,
	  { "id" },
	  "unwatch containers" },
	{ "io.mseald.Report",
	  method_report,
	  CLIENT_ROOT,
	  { "policy", "reset" },
	  "read the report; msealctl monitor shows users their own attempts" },
	{ "org.varlink.service.GetInfo", call_info, CLIENT_USER, { NULL } },
	{ "org.varlink.service.GetInterfaceDescription", call_describe, CLIENT_USER, { "interface" } },
};

/* A misspelt parameter must not be taken for one that is left out. */
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

/* 1: the client has the rank that the method needs. Else the return value of the error reply. */
static int check_rank(struct connection *connection, const struct method *method)
{
	struct error error = {};
	struct client client;

	if (method->rank == CLIENT_USER || connection->root)
		return 1;
	connection_look(connection, &client);
	client_close(&client);
	if (client.rank >= method->rank)
		return 1;
	(void)error_set(&error, "PermissionDenied", 0, "only root may %s%s%s", method->what,
			client.not_root ? "; the client has uid 0, but " : "", client.not_root ?: "");
	return reply_failure(connection, &error);
}

int methods_call(struct connection *connection, const char *name, json_t *parameters)
{
	for (size_t i = 0; i < ELEMENTS(methods); i++) {
		const char *unknown;
		int r;

		if (strcmp(methods[i].name, name) != 0)
			continue;
		r = check_rank(connection, &methods[i]);
		if (r <= 0)
			return r;
		unknown = parameters ? unknown_parameter(&methods[i], parameters) : NULL;
		if (unknown)
			return reply_invalid(connection, unknown);
		return methods[i].call(connection, parameters);
	}
	return connection_error(connection, "org.varlink.service.MethodNotFound",
				json_pack("{s:s}", "method", name));
}
