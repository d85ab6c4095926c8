/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeping the maps in step with what runs: at the start, when told, and every few seconds while something is sealed. */
#ifndef MSEALD_SWEEP_H
#define MSEALD_SWEEP_H

#include "daemon.h"

/* At the start: attaches again what an earlier daemon had in force, or removes what is left of it. Logs. */
int sweep_take_over(struct daemon *daemon);
/* A process that exits while it is sealed can leave an entry that nobody will remove. */
void sweep_after_failure(struct daemon *daemon);
/* A user has asked for a seal: when nothing is sealed the programs stay attached for a minute, not seconds. */
void sweep_linger(void);
/* At the end: what nothing is sealed with any more is not left attached. Logs. */
void sweep_finish(struct daemon *daemon);
/* Adds the timer. */
int sweep_start(struct daemon *daemon);

#endif
