/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls to the daemon, and messages when they fail. */
#pragma once

#include <jansson.h>

#include "ctl/base/command.h"
#include "lib/base/util.h"
#include "lib/varlink/varlink.h"

static inline void cleanup_varlink_client(struct varlink_client **client)
{
	varlink_client_free(*client);
}

#define _cleanup_client_ _cleanup_(cleanup_varlink_client)

/* All of these print their own complaint, and return 0 or the exit status. */
int client_connect(const struct ctl *ctl, struct varlink_client **ret);
/* Calls METHOD of io.mseald; takes over parameters, NULL means out of memory. */
int client_call(const struct ctl *ctl, const char *method, json_t *parameters, json_t **ret_reply);
/* The same on an existing connection; parameters is borrowed. */
int client_call_on(const struct ctl *ctl, struct varlink_client *client, const char *method,
		   json_t *parameters, json_t **ret_reply);
/* Prints the message for an error reply, or for a negative errno r of the connection. */
int client_complain_reply(const char *error, const json_t *parameters);
int client_complain_connection(const struct ctl *ctl, int r);

/* Prints one JSON document and a new line on stdout. */
int client_print_json(const json_t *document);
