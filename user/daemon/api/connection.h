/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One client: its buffers, its calls in order, and its turns. */
#pragma once

#include <jansson.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "api/client.h"
#include "api/throttle.h"
#include "lib/varlink/varlink.h"

#define CONNECTIONS_MAX 1024

struct server;

struct connection {
	struct server *server;
	LIST_ENTRY(connection) link;
	sd_event_source *source;
	int fd;
	struct ucred peer;
	bool root;		    /* CLIENT_ROOT when it connected */
	struct throttled throttled; /* its user is charged for connections and time; NULL: root */
	uint32_t throttled_events;  /* events that woke it when it had to wait */
	struct varlink_framer framer;
	char *queue; /* bytes to send: [sent, length) */
	size_t sent, length, allocated;
	bool reading;  /* the peer may still send */
	bool more;     /* the current call takes several replies */
	bool waiting;  /* it had its turn, and has more calls */
	bool refusing; /* sending an error: the reply is too long */
	bool monitor;
	pid_t monitor_pid;
	uint64_t lost; /* events dropped because the client was too slow */
	int (*stream_next)(struct connection *, void *);
	void (*stream_done)(void *);
	void *stream_context;
	void (*gone)(void *); /* set while it waits for a deferred answer */
	void *gone_context;
	uint64_t begun; /* boot-time ns: the peer had connected by this time */
};

/* Closes and frees the connection. */
void connection_close(struct connection *connection);

/* Queues a message. -ENOBUFS: more than limit bytes would be unsent; -ENOMEM. */
int connection_queue(struct connection *connection, const json_t *message, size_t limit);
/* Sends as much as possible without waiting. Negative errno: the connection must be closed. */
int connection_flush(struct connection *connection);
bool connection_has_queue(const struct connection *connection);
/* Sets the events to wait for by the current state. */
void connection_watch(struct connection *connection);

/* sd_event_io_handler_t, context: the connection. */
int connection_on_io(sd_event_source *source, int fd, uint32_t revents, void *context);
/* For throttle.h: called when the connection has waited. */
void connection_on_turn(struct throttled *throttled);

/* --- for methods --- */

/* The account of the client: client.h. */
uid_t connection_account(const struct connection *connection);
/* Examines the client as it is now; root stays root while connected. Release with client_close(). */
void connection_look(const struct connection *connection, struct client *ret);

/* A pidfd of the peer, never of another with its pid. Negative errno; -ESRCH also if the pid is unknown. */
int connection_open_peer(const struct connection *connection);

/* Queues a reply; takes over parameters. continues: more replies to the same call follow. */
int connection_reply(struct connection *connection, json_t *parameters, bool continues);
/* Queues an error by its full name; takes over parameters. */
int connection_error(struct connection *connection, const char *error, json_t *parameters);

/*
 * Defers the answer to the current call: the client's next calls are not read until then. gone() is called
 * when the connection ends. connection_resume() sends a reply queued later; over: the call is complete, and
 * gone() is not called any more.
 */
void connection_defer(struct connection *connection, void (*gone)(void *), void *context);
void connection_resume(struct connection *connection, bool over);

/*
 * A reply in parts. next() is called whenever the queue has been sent, until it returns 0 (it queued the last
 * part) or an error (which closes the connection). done() frees the context, always.
 */
void connection_stream(struct connection *connection, int (*next)(struct connection *, void *),
		       void (*done)(void *), void *context);
