/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One-shot timers of the event loop, off until they are set. CLOCK_MONOTONIC, in microseconds. */
#pragma once

#include <systemd/sd-event.h>

struct timer {
	sd_event_source *source;
	void (*fire)(void *context);
	void *context;
};

/* accuracy 0: the default of sd-event. fire() may close the timer. Negative errno. */
int timer_open(struct timer *timer, sd_event *loop, uint64_t accuracy, void (*fire)(void *context),
	       void *context);
void timer_close(struct timer *timer); /* takes zeroed */

/* Sets the timer to this time from now, replacing an earlier one. Negative errno. */
int timer_set(struct timer *timer, uint64_t us);
/* The same, unless the timer is already set. */
void timer_set_if_off(struct timer *timer, uint64_t us);
