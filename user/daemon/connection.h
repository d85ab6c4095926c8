/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One client: its buffers, its calls in their order, and whose turn it is. For server.c and
 * monitoring.c; methods have what is in server.h.
 */
#ifndef MSEALD_CONNECTION_H
#define MSEALD_CONNECTION_H

#include "resting.h"
#include "server.h"
#include "users.h"
#include "lib/varlink/varlink.h"

struct server {
	struct daemon *daemon;
	struct users *users;
	struct resting *resting;
	sd_event_source *source;
	sd_event_source *pause;		/* ends when it may be tried again to accept */
	int fd;
	char *path;			/* to unlink; NULL when the socket is systemd's */
	struct connection *connections;
	unsigned count;
};

struct connection {
	struct server *server;
	struct connection *next, **previous;
	sd_event_source *source;
	int fd;
	struct ucred peer;
	bool root;			/* ASKER_ROOT, as it connected */
	struct rest rest;		/* rest.user: whose connections and time it counts for; NULL: root's */
	uint32_t rested;		/* what it was woken for when it had to rest */
	struct varlink_framer framer;
	char *queue;			/* to be sent: [sent, length) */
	size_t sent, length, allocated;
	bool reading;			/* the peer may still send */
	bool waiting;			/* had its turn, has more calls */
	bool refusing;			/* just being told that an answer is too long */
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
/* For resting.h: it has rested. */
void connection_on_turn(struct rest *rest);

/* In server.c: a place is free again; user: NULL for root's. */
void server_left(struct server *server, struct user *user);

#endif
