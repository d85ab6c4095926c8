/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Timers of the event loop that are off until they are set, and go off once. CLOCK_MONOTONIC, in microseconds. */
#ifndef MSEALD_BASE_TIMER_H
#define MSEALD_BASE_TIMER_H

#include <systemd/sd-event.h>

/* accuracy 0: the default of sd-event. Negative errno. */
int timer_add(sd_event *loop, uint64_t accuracy, sd_event_time_handler_t handler, void *context, sd_event_source **ret);

/* So long from now, whatever it was set to before. Negative errno. */
int timer_set(sd_event_source *timer, uint64_t us);
/* The same, unless it is set already. */
void timer_set_if_off(sd_event_source *timer, uint64_t us);

#endif
