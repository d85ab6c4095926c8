/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the daemon share: one event loop, one thread. */
#ifndef MSEALD_DAEMON_H
#define MSEALD_DAEMON_H

#include <stdint.h>
#include <systemd/sd-event.h>

#include "programs.h"
#include "store.h"

struct server;
struct events;

struct daemon {
	sd_event *loop;
	struct programs *programs;
	struct store *store;
	struct server *server;
	struct events *events;
	enum gate_mode gate;
};

/*
 * Frees seal sets that nobody refers to; detaches all programs when nothing is
 * sealed any more. Cheap when there is nothing to do.
 */
void daemon_tidy(struct daemon *daemon);

#endif
