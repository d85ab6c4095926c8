// SPDX-License-Identifier: LGPL-2.1-or-later
/* See timer.h. */
#include "base/timer.h"

#include <time.h>

int timer_add(sd_event *loop, uint64_t accuracy, sd_event_time_handler_t handler, void *context, sd_event_source **ret)
{
	int r = sd_event_add_time(loop, ret, CLOCK_MONOTONIC, 0, accuracy, handler, context);

	return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int timer_set(sd_event_source *timer, uint64_t us)
{
	int r = sd_event_source_set_time_relative(timer, us);

	return r < 0 ? r : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

void timer_set_if_off(sd_event_source *timer, uint64_t us)
{
	int enabled;

	if (sd_event_source_get_enabled(timer, &enabled) < 0 || enabled == SD_EVENT_OFF)
		(void)timer_set(timer, us);
}
