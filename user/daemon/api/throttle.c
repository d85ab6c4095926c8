// SPDX-License-Identifier: LGPL-2.1-or-later
/* See throttle.h. */
#include "api/throttle.h"

#include <errno.h>
#include <stdlib.h>

#include "base/timer.h"
#include "lib/base/util.h"

#define ACCURACY_US 1000

struct resting {
	struct users *users;
	sd_event_source *timer;
	void (*turn)(struct rest *rest);
	struct rest *first, **last;
};

static void remove_rest(struct resting *resting, struct rest *rest)
{
	*rest->previous = rest->next;
	if (rest->next)
		rest->next->previous = rest->previous;
	else
		resting->last = rest->previous;
	rest->resting = false;
}

/* The one whose turn it is. NULL: nobody's; *ret_wait is how long until it is that of the next one. */
static struct rest *whose_turn(struct resting *resting, uint64_t *ret_wait)
{
	uint64_t now = monotonic_us(), least = UINT64_MAX;

	for (struct rest *rest = resting->first; rest; rest = rest->next) {
		uint64_t wait = users_wait(resting->users, rest->user, now);

		if (!wait)
			return rest;
		least = MIN_OF(least, wait);
	}
	*ret_wait = least;
	return NULL;
}

static void arm(struct resting *resting)
{
	uint64_t wait = 0;

	if (!resting->first)
		return;
	(void)whose_turn(resting, &wait);
	(void)sd_event_source_set_time(resting->timer, monotonic_us() + wait);
	(void)sd_event_source_set_enabled(resting->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t now, void *context)
{
	struct resting *resting = context;
	uint64_t ignored;
	struct rest *rest = whose_turn(resting, &ignored);

	(void)source;
	(void)now;
	if (rest) {
		remove_rest(resting, rest);
		resting->turn(rest);
	}
	arm(resting);
	return 0;
}

static bool waits(const struct resting *resting, const struct user *user)
{
	for (const struct rest *rest = resting->first; rest; rest = rest->next)
		if (rest->user == user)
			return true;
	return false;
}

bool resting_must(struct resting *resting, struct rest *rest)
{
	if (rest->resting)
		return true;
	if (!rest->user || (!users_wait(resting->users, rest->user, monotonic_us()) && !waits(resting, rest->user)))
		return false;
	rest->next = NULL;
	rest->previous = resting->last;
	*resting->last = rest;
	resting->last = &rest->next;
	rest->resting = true;
	arm(resting);
	return true;
}

void resting_leave(struct resting *resting, struct rest *rest)
{
	if (rest->resting)
		remove_rest(resting, rest);
}

int resting_open(sd_event *loop, struct users *users, void (*turn)(struct rest *rest), struct resting **ret)
{
	struct resting *resting = calloc(1, sizeof(*resting));
	int r;

	if (!resting)
		return -ENOMEM;
	*resting = (struct resting){ .users = users, .turn = turn, .last = &resting->first };
	/* Made at once, so that there is nothing left that could fail for want of memory. */
	r = timer_add(loop, ACCURACY_US, on_timer, resting, &resting->timer);
	if (r < 0) {
		(void)resting_close(resting);
		return r;
	}
	*ret = resting;
	return 0;
}

struct resting *resting_close(struct resting *resting)
{
	if (resting) {
		(void)sd_event_source_disable_unref(resting->timer);
		free(resting);
	}
	return NULL;
}
