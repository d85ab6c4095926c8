/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Those of users who have used up their time (quota.h) wait here, in the order in which they came. When its user has
 * some again one has its turn, the one that has waited longest, and only then is looked who is next: that a
 * user has many of them costs the daemon no more than that he has one.
 */
#ifndef MSEALD_API_THROTTLE_H
#define MSEALD_API_THROTTLE_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "api/quota.h"

struct resting;

/* Part of what waits. */
struct rest {
	struct rest *next, **previous;
	struct user *user;
	bool resting;
};

/* turn() is called when it does not rest any more; it may end it, and spends of its user's time. Negative errno. */
int resting_open(sd_event *loop, struct users *users, void (*turn)(struct rest *rest), struct resting **ret);
struct resting *resting_close(struct resting *resting);	/* none may rest; takes NULL, returns NULL */

/* Has its user used up his time, or has he others that wait for it? Then it rests. */
bool resting_must(struct resting *resting, struct rest *rest);
/* Its turn does not come. */
void resting_leave(struct resting *resting, struct rest *rest);

#endif
