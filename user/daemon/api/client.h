/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client: the process at the other end of a connection, and its permissions. Root may do everything,
 * other clients may act on processes that they could trace. docs/design/access-rights.md, "Access rights".
 */
#pragma once

#include <jansson.h>
#include <sys/socket.h>

#include "base/error.h"
#include "policy/containers.h"
#include "process/creds.h"
#include "process/target.h"

enum client_rank {
	CLIENT_USER, /* any other user */
	/* user 0 of this machine without all capabilities: may read numbers and have files read again */
	CLIENT_HOST,
	CLIENT_ROOT, /* the same with CAP_SYS_ADMIN, which could reach the maps directly */
};

struct client {
	enum client_rank rank;
	uid_t uid; /* effective ids when it connected, in mseald's user namespace */
	gid_t gid;
	/* the account to charge: owner of its user namespace, or its uid; or CLIENT_UNKNOWN */
	uid_t account;
	pid_t pid;	/* in mseald's pid namespace; 0: unknown */
	int proc_fd;	/* its /proc/PID; -1: it is gone, or invisible to mseald */
	bool same_pids; /* it is in mseald's pid namespace */
	const struct containers *containers;
	char container[NAMES_CONTAINER_ID_MAX + 1]; /* id of its watched container; "": none */
	const char *not_root; /* with uid 0: why it is not treated as root, as a phrase */
	struct creds creds;   /* its current ones */
};

/* The common account of clients that are gone before they are examined: their user namespace is unknown. */
#define CLIENT_UNKNOWN ((uid_t)-2)

#define CLIENT_EMPTY \
	{ \
		.proc_fd = -1 \
	}

/*
 * Examines the process that has connected (peer.h). A client that is gone becomes a user without permissions.
 * containers may be NULL, and must outlive the client.
 */
void client_open(int socket, const struct ucred *peer, uint64_t begun, const struct containers *containers,
		 struct client *ret);
void client_close(struct client *client);

/* Is it still alive? While it is, its client->pid is not reused. */
bool client_lives(const struct client *client);

/*
 * Reads the parameter "pid", and translates it to mseald's pid namespace. From another pid namespace, only
 * processes of that namespace can be named. -EBADR and the reason; -EINVAL: see params.h.
 */
int client_read_pid(const struct client *client, json_t *parameters, bool needed, pid_t *ret,
		    const char **ret_bad, struct error *error);
/* The reverse: the pid in the client's namespace; 0: none. */
pid_t client_pid_for(const struct client *client, pid_t pid);

/* May the client seal this process, and see it, as long as target_unchanged()? -EBADR and the reason. */
int client_may(const struct client *client, const struct target *target, struct error *error);
