/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The varlink server: connections, their buffers and their limits. What the
 * methods do is in methods.c. Replies come in the order of the calls; a client
 * that does not read, or asks too much, holds up nobody but itself.
 */
#ifndef MSEALD_SERVER_H
#define MSEALD_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "daemon.h"
#include "mseald/lock.h"

#define SERVER_SOCKET "/run/mseald/io.mseald"

struct connection;
struct asker;

/* Listens on the socket systemd hands over, else on path (made anew). Logs; negative errno. */
int server_open(struct daemon *daemon, const char *path, struct server **ret);
struct server *server_close(struct server *server);	/* takes NULL, returns NULL */

/* Time (us) that was spent for a user outside of his calls: it counts as if it were. Takes NULL. */
void server_spend(struct server *server, uid_t account, uint64_t us);

/* An attempt, to every client that monitors. */
void server_publish(struct server *server, const struct mseald_event *event);
void server_publish_lost(struct server *server, uint64_t count);

/* What the lock refused, to every client of root that monitors. */
void server_publish_refusal(struct server *server, const struct mseald_refusal *refusal);

/* --- for methods.c --- */

struct daemon *connection_daemon(struct connection *connection);
uid_t connection_uid(const struct connection *connection);
/* ASKER_ROOT of asker.h, as it connected. */
bool connection_is_root(const struct connection *connection);
/* On whose account it is: asker.h. */
uid_t connection_account(const struct connection *connection);
/* Who it is, looked at now, but root for as long as it is connected; to be closed with asker_close(). */
void connection_look(const struct connection *connection, struct asker *ret);

const struct ucred *connection_peer(const struct connection *connection);
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
 * client. gone() is called when the connection ends. What is queued after the call has
 * returned is sent by connection_resume(); over: the call is, and gone() is not called any more.
 */
void connection_defer(struct connection *connection, void (*gone)(void *), void *context);
void connection_resume(struct connection *connection, bool over);

/* From now on it gets events: of all processes, or of one (pid 0: all). */
void connection_monitor(struct connection *connection, pid_t pid);

/*
 * A reply in parts: next() is called whenever what was queued has been sent,
 * until it returns 0 (it queued the last part) or an error (which closes the
 * connection). done() frees the context, always.
 */
void connection_stream(struct connection *connection, int (*next)(struct connection *, void *),
		       void (*done)(void *), void *context);

#endif
