/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One client: its buffers, its calls in their order, and whose turn it is. */
#ifndef MSEALD_API_CONNECTION_H
#define MSEALD_API_CONNECTION_H

#include <jansson.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "api/client.h"
#include "api/quota.h"
#include "api/throttle.h"
#include "base/timer.h"
#include "lib/varlink/varlink.h"

#define CONNECTIONS_MAX 1024

struct daemon;
struct connection;

/* As methods_call() of methods.h. */
typedef int (*connection_handler)(struct connection *connection, const char *method, json_t *parameters);

struct server {
	struct daemon *daemon;
	connection_handler call;
	struct quota *quota;
	struct throttle *throttle;
	sd_event_source *source;
	struct timer pause; /* ends when it may be tried again to accept */
	int fd;
	char *path; /* to unlink; NULL when the socket is systemd's */
	LIST_HEAD(, connection) connections;
	unsigned count;
};

struct connection {
	struct server *server;
	LIST_ENTRY(connection) link;
	sd_event_source *source;
	int fd;
	struct ucred peer;
	bool root; /* CLIENT_ROOT, as it connected */
	struct throttled
		throttled; /* throttled.user: whose connections and time it counts for; NULL: root's */
	uint32_t throttled_events; /* what it was woken for when it had to wait */
	struct varlink_framer framer;
	char *queue; /* to be sent: [sent, length) */
	size_t sent, length, allocated;
	bool reading;  /* the peer may still send */
	bool more;     /* the call that is being handled takes several replies */
	bool waiting;  /* had its turn, has more calls */
	bool refusing; /* an error is being sent: the answer is too long */
	bool monitor;
	pid_t monitor_pid;
	uint64_t lost; /* events this client was too slow for */
	int (*stream_next)(struct connection *, void *);
	void (*stream_done)(void *);
	void *stream_context;
	void (*gone)(void *); /* it waits for an answer that comes later */
	void *gone_context;
	uint64_t begun; /* boot-time ns: the peer had connected by then */
};

/* Ends it and frees it. */
void connection_close(struct connection *connection);

/* Puts a message into the queue. -ENOBUFS: more than limit bytes would be unsent then; -ENOMEM. */
int connection_queue(struct connection *connection, const json_t *message, size_t limit);
/* Sends what can be sent without waiting. Negative errno: the connection is to be closed. */
int connection_flush(struct connection *connection);
bool connection_has_queue(const struct connection *connection);
/* What the loop should wake it for, as it is now. */
void connection_watch(struct connection *connection);

/* sd_event_io_handler_t, context: the connection. */
int connection_on_io(sd_event_source *source, int fd, uint32_t revents, void *context);
/* For throttle.h: it has waited. */
void connection_on_turn(struct throttled *throttled);

/* --- for methods --- */

/* On whose account it is: client.h. */
uid_t connection_account(const struct connection *connection);
/* Who it is, looked at now, but root for as long as it is connected; to be closed with client_close(). */
void connection_look(const struct connection *connection, struct client *ret);

/*
 * The process that has connected, as a pidfd: surely that one, or nobody since it has gone.
 * Negative errno; -ESRCH also when its pid is not known here.
 */
int connection_open_peer(const struct connection *connection);

/* Queues a reply; takes over parameters. continues: more of the same call follow. */
int connection_reply(struct connection *connection, json_t *parameters, bool continues);
/* Queues an error, its name with the interface; takes over parameters. */
int connection_error(struct connection *connection, const char *error, json_t *parameters);

/*
 * The answer to the call that is being handled comes later: nothing more is read of this
 * client. gone() is called when the connection ends. A reply queued after the call has
 * returned is sent by connection_resume(); over: the call is, and gone() is not called any more.
 */
void connection_defer(struct connection *connection, void (*gone)(void *), void *context);
void connection_resume(struct connection *connection, bool over);

/*
 * A reply in parts: next() is called whenever what was queued has been sent,
 * until it returns 0 (it queued the last part) or an error (which closes the
 * connection). done() frees the context, always.
 */
void connection_stream(struct connection *connection, int (*next)(struct connection *, void *),
		       void (*done)(void *), void *context);

#endif
