// SPDX-License-Identifier: LGPL-2.1-or-later
/* See throttle.h. */
#include "api/throttle.h"

#include "lib/base/clock.h"

#define ACCURACY_US 1000

static void remove_throttled(struct throttle *throttle, struct throttled *throttled)
{
	TAILQ_REMOVE(&throttle->list, throttled, link);
	throttled->waiting = false;
}

/* The next connection that may run. NULL: none yet; *ret_wait is the time until the next one may. */
static struct throttled *whose_turn(struct throttle *throttle, uint64_t *ret_wait)
{
	uint64_t now = monotonic_us(), least = UINT64_MAX;
	struct throttled *throttled;

	TAILQ_FOREACH(throttled, &throttle->list, link)
	{
		uint64_t wait = quota_wait(throttle->quota, throttled->user, now);

		if (!wait)
			return throttled;
		least = MIN_OF(least, wait);
	}
	*ret_wait = least;
	return NULL;
}

static void set_timer(struct throttle *throttle)
{
	uint64_t wait = 0;

	if (TAILQ_EMPTY(&throttle->list))
		return;
	(void)whose_turn(throttle, &wait);
	(void)sd_event_source_set_time(throttle->timer.source, monotonic_us() + wait);
	(void)sd_event_source_set_enabled(throttle->timer.source, SD_EVENT_ONESHOT);
}

static void on_timer(void *context)
{
	struct throttle *throttle = context;
	uint64_t ignored;
	struct throttled *throttled = whose_turn(throttle, &ignored);

	if (throttled) {
		remove_throttled(throttle, throttled);
		throttle->turn(throttled);
	}
	set_timer(throttle);
}

static bool waits(const struct throttle *throttle, const struct quota_user *user)
{
	const struct throttled *throttled;

	TAILQ_FOREACH(throttled, &throttle->list, link)
	if (throttled->user == user)
		return true;
	return false;
}

bool throttle_must(struct throttle *throttle, struct throttled *throttled)
{
	if (throttled->waiting)
		return true;
	if (!throttled->user || (!quota_wait(throttle->quota, throttled->user, monotonic_us()) &&
				 !waits(throttle, throttled->user)))
		return false;
	TAILQ_INSERT_TAIL(&throttle->list, throttled, link);
	throttled->waiting = true;
	set_timer(throttle);
	return true;
}

void throttle_leave(struct throttle *throttle, struct throttled *throttled)
{
	if (throttled->waiting)
		remove_throttled(throttle, throttled);
}

int throttle_open(struct throttle *throttle, sd_event *loop, struct quota *quota,
		  void (*turn)(struct throttled *throttled))
{
	*throttle = (struct throttle){ .quota = quota, .turn = turn };
	TAILQ_INIT(&throttle->list);
	/* Made in advance, so that nothing can fail later for want of memory. */
	return timer_open(&throttle->timer, loop, ACCURACY_US, on_timer, throttle);
}

void throttle_close(struct throttle *throttle)
{
	timer_close(&throttle->timer);
}
