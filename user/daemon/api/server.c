// SPDX-License-Identifier: LGPL-2.1-or-later
/* See server.h. Users have limits on connections (quota.h), so that there is always room for root. */
#include "api/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "api/client.h"
#include "api/reply.h"
#include "base/log.h"
#include "base/timer.h"
#include "lib/base/clock.h"

#define PAUSE_US 200000 /* until the next attempt, when no connection can be accepted */

void server_spend(struct server *server, uid_t account, uint64_t us)
{
	uint64_t now = 0;

	if (sd_event_now(server->daemon->loop, CLOCK_MONOTONIC, &now) >= 0)
		quota_spend_for(&server->quota, account, now, us);
}

/* --- new connections --- */

/* Sends the reason before closing; the client has sent no call yet, and may not read the reason. */
static void turn_away(struct connection *connection, uid_t account, int r)
{
	struct error error = {};

	if (r == -EDQUOT && account == CLIENT_UNKNOWN)
		(void)error_set(&error, "TooMany", 0,
				"there are too many connections of processes that have exited");
	else if (r == -EDQUOT)
		(void)error_set(&error, "TooMany", 0,
				"user %u has %u connections to mseald, the limit of a user", account,
				QUOTA_CONNECTIONS_EACH);
	else if (r == -EUSERS)
		(void)error_set(&error, "TooMany", 0,
				"users together have %u connections to mseald, the limit",
				QUOTA_CONNECTIONS_ALL);
	else
		(void)error_set_errno(&error, connection->peer.pid, r, "cannot serve the client");
	(void)reply_failure(connection, &error);
	(void)connection_flush(connection);
}

/* Finds the user of the connection, and checks the limits. */
static int let_in(struct connection *connection)
{
	struct server *server = connection->server;
	struct client client;
	uint64_t now = 0;
	int r = 0;

	connection_look(connection, &client);
	connection->root = client.rank == CLIENT_ROOT;
	(void)sd_event_now(server->daemon->loop, CLOCK_MONOTONIC, &now);
	if (!connection->root)
		r = quota_enter(&server->quota, client.account, now, &connection->throttled.user);
	if (r < 0)
		turn_away(connection, client.account, r);
	client_close(&client);
	return r;
}

static void add(struct server *server, int client)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	socklen_t size = sizeof(connection->peer);

	if (!connection) {
		(void)close(client);
		return;
	}
	*connection = (struct connection){
		.server = server, .fd = client, .reading = true, .begun = clock_ns(CLOCK_BOOTTIME)
	};
	LIST_INSERT_HEAD(&server->connections, connection, link);
	/* Further clients wait in the backlog until a client leaves. */
	if (++server->count == CONNECTIONS_MAX)
		(void)sd_event_source_set_enabled(server->source, SD_EVENT_OFF);
	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &connection->peer, &size) < 0 ||
	    let_in(connection) < 0 ||
	    sd_event_add_io(server->daemon->loop, &connection->source, client, EPOLLIN, connection_on_io,
			    connection) < 0)
		connection_close(connection);
}

static void on_pause_over(void *context)
{
	struct server *server = context;

	if (server->count < CONNECTIONS_MAX)
		(void)sd_event_source_set_enabled(server->source, SD_EVENT_ON);
}

/* No descriptor or memory is free: retrying at once would loop. */
static void pause_accepting(struct server *server, int error)
{
	log_warning("cannot accept a connection: %s, ignoring", strerror(error));
	if (timer_set(&server->pause, PAUSE_US) >= 0)
		(void)sd_event_source_set_enabled(server->source, SD_EVENT_OFF);
}

static int on_listening(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	struct server *server = context;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client >= 0)
		add(server, client);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		pause_accepting(server, errno);
	return 0;
}

/* --- listening --- */

/* An unbound socket, and the address of path. Negative errno. */
static int unbound_socket(const char *path, struct sockaddr_un *address)
{
	int fd;

	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	address->sun_family = AF_UNIX;
	FORMAT(address->sun_path, "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

static int log_cannot_listen(const char *path, int error)
{
	log_error("cannot listen on %s: %s%s", path, strerror(-error),
		  error == -EADDRINUSE ? " (another mseald is running)" : "");
	return error;
}

int server_check_alone(const char *path)
{
	struct sockaddr_un address = {};
	_cleanup_close_ int fd = -1;

	if (sd_listen_fds(0) > 0)
		return 0;
	fd = unbound_socket(path, &address);
	/* A socket that a killed mseald left refuses the connection. */
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 0;
	return log_cannot_listen(path, -EADDRINUSE);
}

static int make_socket(const char *path)
{
	struct sockaddr_un address = {};
	_cleanup_free_ char *folder = strdup(path);
	_cleanup_close_ int fd = -1;
	char *slash;

	if (!folder)
		return -ENOMEM;
	fd = unbound_socket(path, &address);
	if (fd < 0)
		return fd;
	slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = '\0';
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	/* Another mseald that has started meanwhile, since server_check_alone(). */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return -EADDRINUSE;
	(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0666) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int server_open(struct server *server, struct daemon *daemon, const char *path, connection_handler call)
{
	int r, given = sd_listen_fds(1);

	*server = (struct server){ .daemon = daemon, .call = call, .fd = -1, .quota = QUOTA_NEW };
	r = throttle_open(&server->throttle, daemon->loop, &server->quota, connection_on_turn);
	if (r < 0)
		return r;
	server->fd = given > 0 ? SD_LISTEN_FDS_START : make_socket(path);
	if (server->fd < 0)
		return log_cannot_listen(path, server->fd);
	if (given <= 0)
		server->path = strdup(path);
	r = sd_event_add_io(daemon->loop, &server->source, server->fd, EPOLLIN, on_listening, server);
	return r < 0 ? r : timer_open(&server->pause, daemon->loop, 0, on_pause_over, server);
}

void server_close(struct server *server)
{
	if (!server->daemon)
		return;
	while (!LIST_EMPTY(&server->connections))
		connection_close(LIST_FIRST(&server->connections));
	(void)sd_event_source_disable_unref(server->source);
	timer_close(&server->pause);
	if (server->path)
		(void)unlink(server->path);
	free(server->path);
	throttle_close(&server->throttle);
	quota_free(&server->quota);
	if (server->fd >= 0)
		(void)close(server->fd);
}
