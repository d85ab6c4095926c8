// SPDX-License-Identifier: LGPL-2.1-or-later
/* See reply.h. */
#include "api/reply.h"

#include "seal/seal.h"

int reply_failure(struct connection *connection, const struct error *error)
{
	char name[64];
	json_t *parameters = json_pack("{s:s}", "message", error->message);

	FORMAT(name, "io.mseald.%s", error->name);
	if (parameters && error->pid)
		(void)json_object_set_new(parameters, "pid", json_integer(error->pid));
	if (parameters && error->address)
		(void)json_object_set_new(parameters, "address", json_integer((json_int_t)error->address));
	return connection_error(connection, name, parameters);
}

int reply_invalid(struct connection *connection, const char *parameter)
{
	return connection_error(connection, "org.varlink.service.InvalidParameter",
				json_pack("{s:s}", "parameter", parameter));
}

int reply_bad(struct connection *connection, int r, const char *bad)
{
	struct error error = {};

	if (r == -EINVAL)
		return reply_invalid(connection, bad);
	if (r == -E2BIG)
		(void)error_set(&error, "TooMany", 0, "too many ranges: one request can name %d",
				SEAL_MAX_RANGES);
	else
		(void)error_set(&error, "Failed", 0, "cannot read the request: %s", strerror(-r));
	return reply_failure(connection, &error);
}
