// SPDX-License-Identifier: LGPL-2.1-or-later
/* See server.h. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "log.h"
#include "methods.h"
#include "peer.h"
#include "varlink.h"

#define CONNECTIONS_MAX 512
#define QUEUE_MAX (8u << 20)	/* bytes of events that a client may leave unread before it loses some */
#define REPLY_MAX (256u << 20)	/* bytes of one reply */
#define CALLS_A_TURN 32		/* of one client before others have theirs */

struct connection {
	struct server *server;
	struct connection *next, **previous;
	sd_event_source *source;
	int fd;
	struct ucred peer;
	struct varlink_framer framer;
	char *queue;			/* to be sent: [sent, length) */
	size_t sent, length, allocated;
	bool reading;			/* the peer may still send */
	bool waiting;			/* had its turn, has more calls */
	bool monitor;
	pid_t monitor_pid;
	uint64_t lost;			/* events this client was too slow for */
	int (*stream_next)(struct connection *, void *);
	void (*stream_done)(void *);
	void *stream_context;
	void (*gone)(void *);		/* it waits for an answer that comes later */
	void *gone_context;
	uint64_t begun;			/* boot-time ns: the peer had connected by then */
};

struct server {
	struct daemon *daemon;
	sd_event_source *source;
	int fd;
	char *path;			/* to unlink; NULL when the socket is systemd's */
	struct connection *connections;
	unsigned count;
};

static void connection_close(struct connection *connection)
{
	struct server *server = connection->server;

	if (connection->stream_done)
		connection->stream_done(connection->stream_context);
	if (connection->gone)
		connection->gone(connection->gone_context);
	*connection->previous = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	if (server->count-- == CONNECTIONS_MAX)
		(void)sd_event_source_set_enabled(server->source, SD_EVENT_ON);
	(void)sd_event_source_disable_unref(connection->source);
	(void)close(connection->fd);
	varlink_framer_free(&connection->framer);
	free(connection->queue);
	free(connection);
}

/* --- sending --- */

static bool has_queue(const struct connection *connection)
{
	return connection->sent < connection->length;
}

static int queue(struct connection *connection, const json_t *message, size_t limit)
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

static int flush(struct connection *connection)
{
	while (has_queue(connection)) {
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

/* What the loop should wake us for: reading stops while an answer is under way. */
static void watch(struct connection *connection)
{
	uint32_t events = 0;

	if (has_queue(connection) || connection->waiting)
		events |= EPOLLOUT;
	else if (connection->reading && !connection->stream_next && !connection->gone)
		events |= EPOLLIN;
	(void)sd_event_source_set_io_events(connection->source, events);
}

int connection_reply(struct connection *connection, json_t *parameters, bool continues)
{
	json_t *message = json_pack("{s:o}", "parameters", parameters ? parameters : json_object());
	int r;

	if (!message)
		return -ENOMEM;
	if (continues)
		(void)json_object_set_new(message, "continues", json_true());
	r = queue(connection, message, REPLY_MAX);
	json_decref(message);
	return r;
}

int connection_error(struct connection *connection, const char *error, json_t *parameters)
{
	json_t *message = json_pack("{s:s,s:o}", "error", error, "parameters",
				    parameters ? parameters : json_object());
	int r;

	if (!message)
		return -ENOMEM;
	r = queue(connection, message, REPLY_MAX);
	json_decref(message);
	return r;
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
	bool more = json_is_true(json_object_get(message, "more"));
	_cleanup_free_ char *name = NULL;

	if (json_object_get(message, "oneway") && json_is_true(json_object_get(message, "oneway")))
		return -EPROTO;	/* no method of ours makes sense without its answer */
	if (!json_is_string(method) || (parameters && !json_is_object(parameters) && !json_is_null(parameters)))
		return -EPROTO;
	name = strdup(json_string_value(method));
	return name ? methods_call(connection, name, json_is_object(parameters) ? parameters : NULL, more) :
		      -ENOMEM;
}

/* Answers what has come in whole, one call after the other, as long as the answers can be sent. */
static int serve(struct connection *connection)
{
	connection->waiting = false;
	for (int calls = 0;; calls++) {
		json_t *message;
		int r;

		r = flush(connection);
		if (r < 0 || has_queue(connection) || connection->gone)
			return r;
		if (connection->stream_next) {
			r = connection->stream_next(connection, connection->stream_context);
			if (r <= 0)
				end_stream(connection);
			if (r < 0)
				return r;
			continue;
		}
		if (calls >= CALLS_A_TURN) {
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

static int receive(struct connection *connection)
{
	char data[65536];
	ssize_t n = recv(connection->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0) {
		connection->reading = false;
		return 0;
	}
	return varlink_framer_feed(&connection->framer, data, (size_t)n);
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct connection *connection = context;
	int r = 0;

	(void)source;
	(void)fd;
	if (revents & (EPOLLHUP | EPOLLERR))
		r = -ECONNRESET;
	else if (revents & EPOLLIN)
		r = receive(connection);
	if (r >= 0)
		r = serve(connection);
	if (r < 0) {
		if (r != -ENOTCONN && r != -ECONNRESET && r != -EPIPE)
			log_debug("closing the connection of pid %d: %s", (int)connection->peer.pid, strerror(-r));
		connection_close(connection);
		return 0;
	}
	watch(connection);
	return 0;
}

struct daemon *connection_daemon(struct connection *connection)
{
	return connection->server->daemon;
}

uid_t connection_uid(const struct connection *connection)
{
	return connection->peer.uid;
}

const struct ucred *connection_peer(const struct connection *connection)
{
	return &connection->peer;
}

int connection_open_peer(const struct connection *connection)
{
	return peer_open(connection->fd, connection->peer.pid, connection->begun);
}

void connection_defer(struct connection *connection, void (*gone)(void *), void *context)
{
	connection->gone = gone;
	connection->gone_context = context;
}

void connection_resume(struct connection *connection, bool over)
{
	if (over)
		connection->gone = NULL;
	(void)flush(connection);	/* if it fails, the connection is closed by what comes next */
	watch(connection);
}

/* --- monitoring --- */

void connection_monitor(struct connection *connection, pid_t pid)
{
	connection->monitor = true;
	connection->monitor_pid = pid;
}

static void publish(struct connection *connection, json_t *parameters)
{
	json_t *message = json_pack("{s:O,s:b}", "parameters", parameters, "continues", 1);

	if (!message || queue(connection, message, QUEUE_MAX) < 0)
		connection->lost++;
	json_decref(message);
}

/* Says first what this client missed; it is closed later if sending fails. */
static void publish_to(struct connection *connection, json_t *parameters)
{
	if (connection->lost && !has_queue(connection)) {
		json_t *lost = json_pack("{s:I}", "lost", (json_int_t)connection->lost);

		if (lost) {
			connection->lost = 0;
			publish(connection, lost);
		}
		json_decref(lost);
	}
	publish(connection, parameters);
	(void)flush(connection);
	watch(connection);
}

void server_publish(struct server *server, const struct mseald_event *event)
{
	json_t *parameters = NULL;

	if (!server)
		return;
	for (struct connection *c = server->connections; c; c = c->next) {
		if (!c->monitor || (c->monitor_pid && c->monitor_pid != (pid_t)event->tgid))
			continue;
		if (!parameters)
			parameters = json_pack("{s:o}", "event", methods_event(server->daemon, event));
		if (parameters)
			publish_to(c, parameters);
		else
			c->lost++;
	}
	json_decref(parameters);
}

void server_publish_lost(struct server *server, uint64_t count)
{
	json_t *parameters = json_pack("{s:I}", "lost", (json_int_t)count);

	for (struct connection *c = server ? server->connections : NULL; c && parameters; c = c->next)
		if (c->monitor)
			publish_to(c, parameters);
	json_decref(parameters);
}

/* --- listening --- */

static int on_listening(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct server *server = context;
	struct connection *connection;
	socklen_t size = sizeof(connection->peer);
	int client;

	(void)source;
	(void)revents;
	client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			log_warning("cannot accept a connection: %s, ignoring", strerror(errno));
		return 0;
	}
	connection = calloc(1, sizeof(*connection));
	if (!connection || getsockopt(client, SOL_SOCKET, SO_PEERCRED, &connection->peer, &size) < 0 ||
	    sd_event_add_io(server->daemon->loop, &connection->source, client, EPOLLIN, on_connection,
			    connection) < 0) {
		log_warning("cannot serve a connection: %s, ignoring", strerror(errno));
		free(connection);
		(void)close(client);
		return 0;
	}
	connection->begun = peer_now();
	connection->server = server;
	connection->fd = client;
	connection->reading = true;
	connection->next = server->connections;
	connection->previous = &server->connections;
	if (connection->next)
		connection->next->previous = &connection->next;
	server->connections = connection;
	/* Further clients wait in the backlog until one leaves. */
	if (++server->count == CONNECTIONS_MAX)
		(void)sd_event_source_set_enabled(server->source, SD_EVENT_OFF);
	return 0;
}

static int make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_free_ char *folder = strdup(path);
	_cleanup_close_ int fd = -1;
	char *slash;

	if (!folder)
		return -ENOMEM;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = '\0';
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Somebody there: another mseald. Nobody: what a killed one left. */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return -EADDRINUSE;
	(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0666) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int server_open(struct daemon *daemon, const char *path, struct server **ret)
{
	struct server *server = calloc(1, sizeof(*server));
	int r, given = sd_listen_fds(1);

	if (!server)
		return -ENOMEM;
	server->daemon = daemon;
	server->fd = given > 0 ? SD_LISTEN_FDS_START : make_socket(path);
	if (server->fd < 0) {
		r = server->fd;
		log_error("cannot listen on %s: %s%s", path, strerror(-r),
			  r == -EADDRINUSE ? " (another mseald is running)" : "");
		free(server);
		return r;
	}
	if (given <= 0)
		server->path = strdup(path);
	r = sd_event_add_io(daemon->loop, &server->source, server->fd, EPOLLIN, on_listening, server);
	if (r < 0) {
		server_close(server);
		return r;
	}
	*ret = server;
	return 0;
}

struct server *server_close(struct server *server)
{
	if (!server)
		return NULL;
	while (server->connections)
		connection_close(server->connections);
	(void)sd_event_source_disable_unref(server->source);
	if (server->path)
		(void)unlink(server->path);
	free(server->path);
	(void)close(server->fd);
	free(server);
	return NULL;
}
