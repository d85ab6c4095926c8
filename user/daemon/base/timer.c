// SPDX-License-Identifier: LGPL-2.1-or-later
/* See timer.h. */
#include "base/timer.h"

#include <time.h>

static int on_time(sd_event_source *source, uint64_t now, void *context)
{
	struct timer *timer = context;

	timer->fire(timer->context);
	return 0;
}

int timer_open(struct timer *timer, sd_event *loop, uint64_t accuracy, void (*fire)(void *context),
	       void *context)
{
	int r;

	*timer = (struct timer){ .fire = fire, .context = context };
	r = sd_event_add_time(loop, &timer->source, CLOCK_MONOTONIC, 0, accuracy, on_time, timer);
	return r < 0 ? r : sd_event_source_set_enabled(timer->source, SD_EVENT_OFF);
}

void timer_close(struct timer *timer)
{
	timer->source = sd_event_source_disable_unref(timer->source);
}

int timer_set(struct timer *timer, uint64_t us)
{
	int r = sd_event_source_set_time_relative(timer->source, us);

	return r < 0 ? r : sd_event_source_set_enabled(timer->source, SD_EVENT_ONESHOT);
}

void timer_set_if_off(struct timer *timer, uint64_t us)
{
	int enabled;

	if (sd_event_source_get_enabled(timer->source, &enabled) < 0 || enabled == SD_EVENT_OFF)
		(void)timer_set(timer, us);
}
