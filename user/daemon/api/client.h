/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client: the process at the other end of a connection, and what it may. Root may all, everybody
 * else what concerns the processes that they could trace. docs/design/access-rights.md, "Access rights".
 */
#ifndef MSEALD_API_CLIENT_H
#define MSEALD_API_CLIENT_H

#include <jansson.h>
#include <sys/socket.h>

#include "base/error.h"
#include "policy/containers.h"
#include "process/creds.h"
#include "process/target.h"

enum client_rank {
	CLIENT_USER, /* none of the others */
	/* user 0 of this machine, whatever it lacks in capabilities: reads numbers, has files read again */
	CLIENT_HOST,
	CLIENT_ROOT, /* the same with CAP_SYS_ADMIN, which could as well reach the maps */
};

struct client {
	enum client_rank rank;
	uid_t uid; /* effective ids as it connected, in mseald's user namespace */
	gid_t gid;
	/* the account charged: owner of its user namespace, or its uid; or CLIENT_UNKNOWN */
	uid_t account;
	pid_t pid;	/* as mseald sees it; 0: not known */
	int proc_fd;	/* its /proc/PID; -1: it is gone, or not seen from here */
	bool same_pids; /* it counts pids as mseald does */
	const struct containers *containers;
	char container[NAMES_CONTAINER_ID_MAX + 1]; /* the watched one that it is in; "": none */
	const char *not_root; /* of one with uid 0: why it is not taken for root, as a phrase */
	struct creds creds;   /* as it is now */
};

/*
 * All that are gone before they were looked at share one account: who knows in which user namespace
 * they were?
 */
#define CLIENT_UNKNOWN ((uid_t)-2)

#define CLIENT_EMPTY \
	{ \
		.proc_fd = -1 \
	}

/*
 * Looks at the process that has connected (peer.h). One that is gone is a user that may do nothing.
 * containers may be NULL, and must outlive it.
 */
void client_open(int socket, const struct ucred *peer, uint64_t begun, const struct containers *containers,
		 struct client *ret);
void client_close(struct client *client);

/* Is it there still? While it is, client->pid is its own. */
bool client_lives(const struct client *client);

/*
 * The pid that is meant by the parameter "pid", as mseald counts. Where the client counts otherwise, only
 * of processes in its own pid namespace. -EBADR and why; -EINVAL: see params.h.
 */
int client_read_pid(const struct client *client, json_t *parameters, bool needed, pid_t *ret,
		    const char **ret_bad, struct error *error);
/* The other way round; 0: it has none there. */
pid_t client_pid_for(const struct client *client, pid_t pid);

/*
 * May it have this process sealed, and see how it is? The answer holds for as long as
 * target_unchanged(). -EBADR and why.
 */
int client_may(const struct client *client, const struct target *target, struct error *error);

#endif
