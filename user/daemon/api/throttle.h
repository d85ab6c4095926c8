/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections of users without CPU time left (quota.h) wait here, in the order in which they came.
 * When a user has time again, the connection that has waited longest has its turn, and only then
 * the next one is looked for:
 * many connections of a user cost the daemon no more than one.
 */
#ifndef MSEALD_API_THROTTLE_H
#define MSEALD_API_THROTTLE_H

#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "api/quota.h"

struct throttle;

/* Part of what waits. */
struct throttled {
	TAILQ_ENTRY(throttled) link;
	struct quota_user *user;
	bool waiting;
};

/*
 * turn() is called when a connection has waited; it may end it, and spends of its user's time.
 * Negative errno.
 */
int throttle_open(sd_event *loop, struct quota *quota, void (*turn)(struct throttled *throttled),
		  struct throttle **ret);
/* nothing may wait; takes NULL */
void throttle_close(struct throttle *throttle);

/* Has its user used up their time, or others that wait for it? Then it waits. */
bool throttle_must(struct throttle *throttle, struct throttled *throttled);
/* Its turn does not come. */
void throttle_leave(struct throttle *throttle, struct throttled *throttled);

#endif
