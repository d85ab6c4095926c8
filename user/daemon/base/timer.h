/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Timers of the event loop that are off until they are set, and go off once. CLOCK_MONOTONIC, in
 * microseconds.
 */
#ifndef MSEALD_BASE_TIMER_H
#define MSEALD_BASE_TIMER_H

#include <systemd/sd-event.h>

struct timer {
	sd_event_source *source;
	void (*fire)(void *context);
	void *context;
};

/* accuracy 0: the default of sd-event. fire() may close it. Negative errno. */
int timer_open(struct timer *timer, sd_event *loop, uint64_t accuracy, void (*fire)(void *context),
	       void *context);
void timer_close(struct timer *timer); /* takes zeroed */

/* So long from now, whatever it was set to before. Negative errno. */
int timer_set(struct timer *timer, uint64_t us);
/* The same, unless it is set already. */
void timer_set_if_off(struct timer *timer, uint64_t us);

#endif
