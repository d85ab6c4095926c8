/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The varlink server: accepts connections, within limits. Replies come in the order of the calls; a client
 * that does not read, or asks too much, holds up nobody but itself.
 */
#ifndef MSEALD_API_SERVER_H
#define MSEALD_API_SERVER_H

#include "api/connection.h"

#define SERVER_SOCKET "/run/mseald/io.mseald"

/*
 * Listens on the socket systemd hands over, else on path (made anew); call() answers. Logs;
 * negative errno.
 */
int server_open(struct daemon *daemon, const char *path, connection_handler call, struct server **ret);
void server_close(struct server *server); /* takes NULL */

/* Charges time (us) that was spent for a user outside of their calls. Takes NULL. */
void server_spend(struct server *server, uid_t account, uint64_t us);

#endif
