/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits of the daemon's connections and CPU time per user. A user at the limit waits or is refused, without
 * effect on other users. Root is not counted. It has no clock: times are passed in, in microseconds.
 */
#pragma once

#include <sys/queue.h>

#include "lib/base/util.h"

#define QUOTA_CONNECTIONS_EACH 72u /* per user: 64 that wait in Run (method_run.c), and 8 */
#define QUOTA_CONNECTIONS_ALL 960u /* for all users; CONNECTIONS_MAX leaves room for root */
/* Shares of the daemon's time: one user a quarter, all users half, and a burst. */
#define QUOTA_SHARE_EACH 4u
#define QUOTA_SHARE_ALL 2u
#define QUOTA_AT_ONCE_US 500000
/*
 * The largest debt: eight seconds of waiting. A call that takes longer has loaded BPF programs, or other
 * processes have had the processor, and libmseal waits half a minute for the answer to the next one.
 */
#define QUOTA_DEBT_US 2000000

struct quota_user;

/* A token bucket of CPU time: refilled over time, up to QUOTA_AT_ONCE_US; down to -QUOTA_DEBT_US. */
struct bucket {
	int64_t left;	  /* us */
	uint64_t counted; /* time of the last refill */
};

struct quota {
	LIST_HEAD(, quota_user) list; /* users that are connected, or in debt */
	unsigned connections;
	struct bucket bucket; /* for all users together */
};

#define QUOTA_NEW \
	{ \
		.bucket.left = QUOTA_AT_ONCE_US \
	}

void quota_free(struct quota *quota); /* takes zeroed */

/* Counts a connection until quota_leave(). -EDQUOT: limit of the user; -EUSERS: of all users; -ENOMEM. */
int quota_enter(struct quota *quota, uid_t uid, uint64_t now, struct quota_user **ret);
void quota_leave(struct quota *quota, struct quota_user *user);

uid_t quota_uid(const struct quota_user *user);

/* Charges the user for time spent, even into debt. */
void quota_spend(struct quota *quota, struct quota_user *user, uint64_t now, uint64_t spent);
/* The same by uid, connected or not. Without memory nothing is charged. */
void quota_spend_for(struct quota *quota, uid_t uid, uint64_t now, uint64_t spent);
/* The time until the user's debt is paid; 0: no debt. */
uint64_t quota_wait(struct quota *quota, struct quota_user *user, uint64_t now);
