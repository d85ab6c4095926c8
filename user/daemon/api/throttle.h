/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Queue for connections of users without CPU time left (quota.h), in order of arrival. When a user has time
 * again, the connection that has waited longest runs, and only then the next one is chosen. So many
 * connections of one user cost the daemon no more than one.
 */
#pragma once

#include <sys/queue.h>

#include "api/quota.h"
#include "base/timer.h"

/* Member of a waiting connection. */
struct throttled {
	TAILQ_ENTRY(throttled) link;
	struct quota_user *user;
	bool waiting;
};

struct throttle {
	struct quota *quota;
	struct timer timer;
	void (*turn)(struct throttled *throttled);
	TAILQ_HEAD(, throttled) list; /* longest wait first */
};

/* turn(): a connection has waited. It uses the user's time, and may close the connection. Negative errno. */
int throttle_open(struct throttle *throttle, sd_event *loop, struct quota *quota,
		  void (*turn)(struct throttled *throttled));
void throttle_close(struct throttle *throttle); /* no connection may be waiting; takes zeroed */

/* Must the connection wait? Yes, if its user has no time left, or has other connections that wait. */
bool throttle_must(struct throttle *throttle, struct throttled *throttled);
/* Removes a connection that waits no longer. */
void throttle_leave(struct throttle *throttle, struct throttled *throttled);
