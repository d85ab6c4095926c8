// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See connection.h. Clients take turns: in each turn a client has a limited number of calls served. A user
 * without CPU time left waits until their bucket is refilled (throttle.h).
 */
#include "api/connection.h"

#include <sys/epoll.h>

#include "api/daemon.h"
#include "base/log.h"
#include "lib/base/clock.h"
#include "process/peer.h"

#define CALLS_A_TURN 32 /* for root; other clients have one call a turn */
#define PARTS_A_TURN 32 /* of a reply in parts, for other clients */
/* Limits of the input and the queued output of a client that is not root, in bytes. */
#define USER_MESSAGE_MAX (256u << 10)
#define USER_REPLY_MAX (10u << 20) /* the largest number of seals of one address space fits */
#define REPLY_MAX (256u << 20)	   /* for one reply to root */

/* Counts one connection less; user: NULL for root. */
static void leave(struct server *server, struct quota_user *user)
{
	quota_leave(&server->quota, user);
	if (server->count-- == CONNECTIONS_MAX)
		(void)sd_event_source_set_enabled(server->source, SD_EVENT_ON);
}

void connection_close(struct connection *connection)
{
	struct server *server = connection->server;

	if (connection->stream_done)
		connection->stream_done(connection->stream_context);
	if (connection->gone)
		connection->gone(connection->gone_context);
	LIST_REMOVE(connection, link);
	leave(server, connection->throttled.user);
	(void)sd_event_source_disable_unref(connection->source);
	throttle_leave(&server->throttle, &connection->throttled);
	(void)close(connection->fd);
	varlink_framer_free(&connection->framer);
	free(connection->queue);
	free(connection);
}

/* --- sending --- */

bool connection_has_queue(const struct connection *connection)
{
	return connection->sent < connection->length;
}

int connection_queue(struct connection *connection, const json_t *message, size_t limit)
{
	_cleanup_free_ char *text = NULL;
	size_t length, unsent = connection->length - connection->sent;

	text = varlink_encode(message, &length);
	if (!text)
		return -ENOMEM;
	if (unsent + length > limit)
		return -ENOBUFS;
	if (connection->sent) {
		memmove(connection->queue, connection->queue + connection->sent, unsent);
		connection->sent = 0;
		connection->length = unsent;
	}
	if (unsent + length > connection->allocated) {
		size_t more = MAX_OF(unsent + length, connection->allocated * 2);
		char *larger = realloc(connection->queue, more);

		if (!larger)
			return -ENOMEM;
		connection->queue = larger;
		connection->allocated = more;
	}
	memcpy(connection->queue + unsent, text, length);
	connection->length += length;
	return 0;
}

int connection_flush(struct connection *connection)
{
	while (connection_has_queue(connection)) {
		ssize_t n = send(connection->fd, connection->queue + connection->sent,
				 connection->length - connection->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		connection->sent += (size_t)n;
	}
	connection->sent = connection->length = 0;
	if (connection->allocated > 1u << 20) {
		free(connection->queue);
		connection->queue = NULL;
		connection->allocated = 0;
	}
	return 0;
}

/* Sets the events to wait for: reading stops while an answer is under way. */
void connection_watch(struct connection *connection)
{
	uint32_t events = 0;

	if (connection->throttled.waiting)
		events = 0;
	else if (connection_has_queue(connection) || connection->waiting)
		events |= EPOLLOUT;
	else if (connection->reading && !connection->stream_next && !connection->gone)
		events |= EPOLLIN;
	(void)sd_event_source_set_io_events(connection->source, events);
}

static int say_too_long(struct connection *connection, const char *why)
{
	return connection_error(connection, "io.mseald.TooMany", json_pack("{s:s}", "message", why));
}

/* A user gets the error TooMany instead of a reply that is too long; no part of the reply is queued. */
static int queue_reply(struct connection *connection, const json_t *message)
{
	char why[128];
	int r = connection_queue(connection, message, connection->root ? REPLY_MAX : USER_REPLY_MAX);

	if (r != -ENOBUFS || connection->root || connection->refusing)
		return r;
	connection->refusing = true;
	FORMAT(why, "the reply is longer than %u bytes, the limit of a user; name a pid, or set \"more\"",
	       USER_REPLY_MAX);
	r = say_too_long(connection, why);
	connection->refusing = false;
	return r;
}

/* Takes over message. */
static int send_message(struct connection *connection, json_t *message)
{
	int r = message ? queue_reply(connection, message) : -ENOMEM;

	json_decref(message);
	return r;
}

int connection_reply(struct connection *connection, json_t *parameters, bool continues)
{
	json_t *message = json_pack("{s:o}", "parameters", parameters ? parameters : json_object());

	if (message && continues)
		(void)json_object_set_new(message, "continues", json_true());
	return send_message(connection, message);
}

int connection_error(struct connection *connection, const char *error, json_t *parameters)
{
	return send_message(connection, json_pack("{s:s,s:o}", "error", error, "parameters",
						  parameters ? parameters : json_object()));
}

void connection_stream(struct connection *connection, int (*next)(struct connection *, void *),
		       void (*done)(void *), void *context)
{
	connection->stream_next = next;
	connection->stream_done = done;
	connection->stream_context = context;
}

static void end_stream(struct connection *connection)
{
	connection->stream_done(connection->stream_context);
	connection->stream_next = NULL;
	connection->stream_done = NULL;
}

/* --- receiving --- */

static int handle(struct connection *connection, json_t *message)
{
	json_t *method = json_object_get(message, "method");
	json_t *parameters = json_object_get(message, "parameters");
	_cleanup_free_ char *name = NULL;

	if (json_is_true(json_object_get(message, "oneway")))
		return -EPROTO; /* every method of mseald needs its reply */
	if (!json_is_string(method) ||
	    (parameters && !json_is_object(parameters) && !json_is_null(parameters)))
		return -EPROTO;
	connection->more = json_is_true(json_object_get(message, "more"));
	name = strdup(json_string_value(method));
	return name ? connection->server->call(connection, name,
					       json_is_object(parameters) ? parameters : NULL) :
		      -ENOMEM;
}

/* Serves the calls received completely, one after the other, as long as replies can be sent. */
static int serve(struct connection *connection)
{
	int parts_sent = 0;

	connection->waiting = false;
	for (int calls = 0;; calls++) {
		json_t *message;
		int r;

		r = connection_flush(connection);
		if (r < 0 || connection_has_queue(connection) || connection->gone)
			return r;
		if (connection->stream_next) {
			r = connection->stream_next(connection, connection->stream_context);
			if (r <= 0)
				end_stream(connection);
			if (r < 0)
				return r;
			if (!connection->root && r > 0 && ++parts_sent >= PARTS_A_TURN) {
				connection->waiting = true;
				return 0;
			}
			continue;
		}
		if (calls >= (connection->root ? CALLS_A_TURN : 1)) {
			connection->waiting = true;
			return 0;
		}
		r = varlink_framer_next(&connection->framer, &message);
		if (r < 0)
			return r;
		if (r == 0)
			return connection->reading || connection->monitor ? 0 : -ENOTCONN;
		r = handle(connection, message);
		json_decref(message);
		if (r < 0)
			return r;
	}
}

/* Sends an error before closing, if it can be sent without waiting. */
static int too_long(struct connection *connection)
{
	char why[128];

	FORMAT(why, "the request is longer than %u bytes; name fewer ranges at a time",
	       connection->root ? VARLINK_MESSAGE_MAX : USER_MESSAGE_MAX);
	(void)say_too_long(connection, why);
	(void)connection_flush(connection);
	return -EMSGSIZE;
}

static int receive(struct connection *connection)
{
	char data[65536];
	int r;
	ssize_t n = recv(connection->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0) {
		connection->reading = false;
		return 0;
	}
	r = varlink_framer_feed(&connection->framer, data, (size_t)n);
	if (r >= 0 && !connection->root &&
	    connection->framer.length - connection->framer.consumed > USER_MESSAGE_MAX)
		r = -EMSGSIZE;
	return r == -EMSGSIZE ? too_long(connection) : r;
}

/* --- turns --- */

static int turn(struct connection *connection, uint32_t revents)
{
	uint64_t begun = monotonic_us(), ended;
	int r = 0;

	if (revents & EPOLLIN)
		r = receive(connection);
	if (r >= 0)
		r = serve(connection);
	ended = monotonic_us();
	if (connection->throttled.user && ended > begun)
		quota_spend(&connection->server->quota, connection->throttled.user, ended, ended - begun);
	return r;
}

static void have_turn(struct connection *connection, uint32_t revents)
{
	int r = revents & (EPOLLHUP | EPOLLERR) ? -ECONNRESET : turn(connection, revents);

	if (r < 0) {
		if (r != -ENOTCONN && r != -ECONNRESET && r != -EPIPE)
			log_debug("closing the connection of pid %d: %s", connection->peer.pid, strerror(-r));
		connection_close(connection);
		return;
	}
	connection_watch(connection);
}

void connection_on_turn(struct throttled *throttled)
{
	struct connection *connection = (struct connection *)((char *)throttled -
							      offsetof(struct connection, throttled));

	have_turn(connection, connection->throttled_events);
}

int connection_on_io(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct connection *connection = context;

	if (!(revents & (EPOLLHUP | EPOLLERR)) &&
	    throttle_must(&connection->server->throttle, &connection->throttled)) {
		connection->throttled_events = revents;
		connection_watch(connection);
	} else {
		have_turn(connection, revents);
	}
	return 0;
}

int connection_open_peer(const struct connection *connection)
{
	return peer_open(connection->fd, connection->peer.pid, connection->begun);
}

uid_t connection_account(const struct connection *connection)
{
	return connection->throttled.user ? quota_uid(connection->throttled.user) : connection->peer.uid;
}

void connection_look(const struct connection *connection, struct client *ret)
{
	client_open(connection->fd, &connection->peer, connection->begun,
		    &connection->server->daemon->containers, ret);
	if (connection->root)
		ret->rank = CLIENT_ROOT;
}

void connection_defer(struct connection *connection, void (*gone)(void *), void *context)
{
	connection->gone = gone;
	connection->gone_context = context;
}

void connection_resume(struct connection *connection, bool over)
{
	if (over) {
		connection->gone = NULL;
		connection->waiting = true; /* for its next call, which may have been read already */
	}
	(void)connection_flush(connection); /* on failure, the next operation closes the connection */
	connection_watch(connection);
}
