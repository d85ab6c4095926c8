/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The methods of io.mseald: JSON in, JSON out. Each is in the method_*.c of its name (method_monitor() in
 * subscribers.c), and in the table of methods.c. Includes the headers that nearly every method needs.
 */
#pragma once

#include "api/connection.h"
#include "api/daemon.h"
#include "api/params.h"
#include "api/reply.h"

/* Answers one call. Negative errno closes the connection. */
int method_seal(struct connection *connection, json_t *parameters);
int method_unseal(struct connection *connection, json_t *parameters);
int method_run(struct connection *connection, json_t *parameters);
int method_list(struct connection *connection, json_t *parameters);
int method_status(struct connection *connection, json_t *parameters);
int method_metrics(struct connection *connection, json_t *parameters);
int method_monitor(struct connection *connection, json_t *parameters);
int method_report(struct connection *connection, json_t *parameters);
int method_reload_policy(struct connection *connection, json_t *parameters);
int method_list_matches(struct connection *connection, json_t *parameters);
int method_watch_container(struct connection *connection, json_t *parameters);
int method_unwatch_container(struct connection *connection, json_t *parameters);

/* Finds the method by its full name in the table of all methods. Returns as they do. */
int methods_call(struct connection *connection, const char *method, json_t *parameters);

/* Called when the daemon exits: kills all programs that Run has not sealed yet. */
void method_run_end_all(void);
/* Reads all policies, looks at every process. Returns the reply of ReloadPolicy, or NULL and the reason. */
json_t *method_policy_reload(struct daemon *daemon, struct error *error);
