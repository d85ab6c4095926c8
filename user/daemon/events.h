/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the ring buffer to the log, to whoever monitors, and to what must be done about it. */
#ifndef MSEALD_EVENTS_H
#define MSEALD_EVENTS_H

#include "daemon.h"

/* Begins to read the ring buffer, with what an earlier daemon did not get to. Negative errno. */
int events_open(struct daemon *daemon, struct events **ret);
struct events *events_close(struct events *events);	/* takes NULL, returns NULL */

/* Reads what is in the ring buffer now. Takes NULL. */
void events_catch_up(struct events *events);

/* Attempts whose event was lost, since the maps were made. */
uint64_t events_lost(const struct events *events);

/* integrity_end_doomed(), until nobody is left. */
void events_end_doomed(struct events *events);

#endif
