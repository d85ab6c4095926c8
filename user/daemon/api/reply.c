// SPDX-License-Identifier: LGPL-2.1-or-later
/* See reply.h. */
#include "api/reply.h"

#include <errno.h>
#include <string.h>

#include "seal/seal.h"

int reply_failure(struct connection *connection, const struct failure *failure)
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

int reply_invalid(struct connection *connection, const char *parameter)
{
	return connection_error(connection, "org.varlink.service.InvalidParameter",
				json_pack("{s:s}", "parameter", parameter));
}

int reply_bad(struct connection *connection, int error, const char *bad)
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

