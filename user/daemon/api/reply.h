/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Error replies. Return as connection_error(). */
#pragma once

#include <jansson.h>

#include "api/connection.h"
#include "base/error.h"

/* For a bad parameter, by the errno of its reader (params.h). */
int reply_bad(struct connection *connection, int r, const char *bad);
int reply_invalid(struct connection *connection, const char *parameter);
int reply_failure(struct connection *connection, const struct error *error);
/* Sends the reply, or the error if reply is NULL. */
static inline int reply_or_failure(struct connection *connection, json_t *reply, const struct error *error)
{
	return reply ? connection_reply(connection, reply, false) : reply_failure(connection, error);
}
