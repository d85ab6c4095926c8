// SPDX-License-Identifier: LGPL-2.1-or-later
/* See subscribers.h. */
#include "api/subscribers.h"

#include "api/event_json.h"
#include "api/method.h"

#define QUEUE_MAX (8u << 20)	    /* bytes of unread events of a client, before events are dropped */
#define USER_QUEUE_MAX (256u << 10) /* the same for a client that is not root */

static void publish(struct connection *connection, json_t *parameters)
{
	json_t *message = json_pack("{s:O,s:b}", "parameters", parameters, "continues", 1);

	if (!message ||
	    connection_queue(connection, message, connection->root ? QUEUE_MAX : USER_QUEUE_MAX) < 0)
		connection->lost++;
	json_decref(message);
}

/* First sends the number of events that this client missed. If sending fails, the client is closed later. */
static void publish_to(struct connection *connection, json_t *parameters)
{
	if (connection->lost && !connection_has_queue(connection)) {
		json_t *lost = json_pack("{s:I}", "lost", (json_int_t)connection->lost);

		if (lost) {
			connection->lost = 0;
			publish(connection, lost);
		}
		json_decref(lost);
	}
	publish(connection, parameters);
	(void)connection_flush(connection);
	connection_watch(connection);
}

/* A user sees attempts of their own processes without additional privileges. */
static bool may_see(const struct connection *connection, const struct mseald_event *event)
{
	return connection->root ||
	       (connection->peer.uid == event->uid && connection->peer.gid == event->gid &&
		!(event->flags & MSEALD_EVENT_PRIVILEGED));
}

void subscribers_publish(struct server *server, const struct mseald_event *event)
{
	json_t *parameters = NULL;

	for (struct connection *c = LIST_FIRST(&server->connections); c; c = LIST_NEXT(c, link)) {
		if (!c->monitor || (c->monitor_pid && c->monitor_pid != (pid_t)event->tgid) ||
		    !may_see(c, event))
			continue;
		if (!parameters)
			parameters = json_pack("{s:o}", "event",
					       event_json(&server->daemon->containers, event));
		if (parameters)
			publish_to(c, parameters);
		else
			c->lost++;
	}
	json_decref(parameters);
}

void subscribers_publish_lost(struct server *server, uint64_t count)
{
	json_t *parameters = json_pack("{s:I}", "lost", (json_int_t)count);

	for (struct connection *c = LIST_FIRST(&server->connections); c; c = LIST_NEXT(c, link))
		if (c->monitor && parameters)
			publish_to(c, parameters);
	json_decref(parameters);
}

void subscribers_publish_denial(struct server *server, const struct mseald_lock_denial *denial)
{
	json_t *parameters = NULL;

	for (struct connection *c = LIST_FIRST(&server->connections); c; c = LIST_NEXT(c, link)) {
		if (!c->monitor || !c->root || (c->monitor_pid && c->monitor_pid != (pid_t)denial->tgid))
			continue;
		if (!parameters)
			parameters = json_pack("{s:o}", "denial",
					       event_json_denial(&server->daemon->containers, denial));
		if (parameters)
			publish_to(c, parameters);
		else
			c->lost++;
	}
	json_decref(parameters);
}

int method_monitor(struct connection *connection, json_t *parameters)
{
	_cleanup_(client_close) struct client client = CLIENT_EMPTY;
	struct error error = {};
	const char *bad;
	pid_t pid = 0;
	int r;

	r = params_pid(parameters, false, &pid, &bad);
	if (r < 0)
		return reply_bad(connection, r, bad);
	if (!connection->more)
		return connection_error(connection, "org.varlink.service.ExpectedMore", NULL);
	connection_look(connection, &client);
	/* The process may be gone before its pid can be translated. */
	if (client.rank != CLIENT_ROOT && !client.same_pids) {
		(void)error_set(
			&error, "Unsupported", 0,
			"the client is in another pid namespace; run the monitor in mseald's pid namespace");
		return reply_failure(connection, &error);
	}
	connection->monitor = true;
	connection->monitor_pid = pid;
	return 0;
}
