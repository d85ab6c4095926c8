/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The varlink server: accepts connections, within limits. Replies keep the order of the calls. A client that
 * does not read, or asks too much, delays only itself.
 */
#pragma once

#include "api/daemon.h"

#define SERVER_SOCKET "/run/mseald/io.mseald"

/*
 * -EADDRINUSE, logged: another mseald listens on path. Then this one must not touch its programs and state. 0
 * with a socket from systemd, which starts only one.
 */
int server_check_alone(const char *path);

/* Listens on the socket from systemd, else on path (made anew); call() answers. Logs; negative errno. */
int server_open(struct server *server, struct daemon *daemon, const char *path, connection_handler call);
void server_close(struct server *server); /* takes zeroed */

/* Charges a user for time (us) spent outside of their calls. */
void server_spend(struct server *server, uid_t account, uint64_t us);
