// SPDX-License-Identifier: LGPL-2.1-or-later
/* Calls to the daemon, and messages when they fail: see client.h. */
#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/reply.h"
#include "lib/base/util.h"

#define INTERFACE "io.mseald."
#define SERVICE "org.varlink.service."

int client_connect(const struct ctl *ctl, struct varlink_client **ret)
{
	int r = varlink_connect(ctl->socket, ret);

	if (r < 0)
		return error_status(r == -ENOMEM ? CTL_FAILURE : CTL_NOT_RUNNING,
				    "cannot reach mseald on %s: %s; is it running? (systemctl start mseald)",
				    ctl->socket, strerror(-r));
	return 0;
}

int client_complain_connection(const struct ctl *ctl, int r)
{
	switch (r) {
	case -ECONNRESET:
		return error_status(CTL_NOT_RUNNING,
				    "mseald on %s closed the connection; see its log (journalctl -u mseald)",
				    ctl->socket);
	case -EBADMSG:
		return error_failure("the server on %s does not speak the varlink protocol of mseald",
				     ctl->socket);
	case -EMSGSIZE:
		return error_failure("the request or its answer is too long; name fewer ranges at a time");
	case -ENOMEM: return error_out_of_memory();
	default: return error_failure("cannot talk to mseald on %s: %s", ctl->socket, strerror(-r));
	}
}

int client_complain_reply(const char *error, const json_t *parameters)
{
	const char *message = reply_string(parameters, "message");

	if (strncmp(error, INTERFACE, strlen(INTERFACE)) == 0) {
		if (*message)
			return error_status(CTL_REFUSED, "%s", message);
		return error_status(CTL_REFUSED, "mseald returned the error %s", error + strlen(INTERFACE));
	}
	if (strcmp(error, SERVICE "InvalidParameter") == 0)
		return error_status(
			CTL_REFUSED,
			"mseald does not know the parameter '%s'; compare the versions: msealctl status",
			reply_string(parameters, "parameter"));
	if (strncmp(error, SERVICE, strlen(SERVICE)) == 0)
		return error_status(CTL_REFUSED,
				    "mseald returned the error %s; compare the versions: msealctl status",
				    error + strlen(SERVICE));
	return error_status(CTL_REFUSED, "mseald returned the error %s", error);
}

int client_call_on(const struct ctl *ctl, struct varlink_client *client, const char *method,
		   json_t *parameters, json_t **ret_reply)
{
	_cleanup_free_ char *name = FORMAT_NEW(INTERFACE "%s", method), *error = NULL;
	_cleanup_json_ json_t *reply = NULL;
	int r;

	if (!name)
		return error_out_of_memory();
	r = varlink_call(client, name, parameters, &reply, &error);
	if (r < 0)
		return client_complain_connection(ctl, r);
	if (r > 0)
		return client_complain_reply(error, reply);
	*ret_reply = TAKE_PTR(reply);
	return 0;
}

int client_call(const struct ctl *ctl, const char *method, json_t *parameters, json_t **ret_reply)
{
	_cleanup_client_ struct varlink_client *client = NULL;
	_cleanup_json_ json_t *request = parameters;
	int r;

	if (!request)
		return error_out_of_memory();
	r = client_connect(ctl, &client);
	return r ? r : client_call_on(ctl, client, method, request, ret_reply);
}

int client_print_json(const json_t *document)
{
	_cleanup_free_ char *text = json_dumps(document,
					       JSON_INDENT(2)); /* json_dumpf() prints each blank alone */

	if (!text)
		return error_out_of_memory();
	(void)puts(text);
	return CTL_OK;
}
