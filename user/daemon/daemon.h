/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the daemon share: one event loop, one thread. */
#ifndef MSEALD_DAEMON_H
#define MSEALD_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "programs.h"
#include "settings.h"
#include "store.h"

struct server;
struct events;
struct inforce;
struct containers;
struct starts;
struct report;
struct lock;
struct refusals;

struct daemon {
	sd_event *loop;
	struct lock *lock;		/* NULL: not locked */
	struct refusals *refusals;	/* NULL: not locked */
	struct programs *programs;
	struct store *store;
	struct server *server;
	struct events *events;
	struct inforce *inforce;	/* policies */
	struct containers *containers;
	struct starts *starts;
	struct report *report;
	struct settings settings;
	bool parting;			/* ends as the last process of the machine (parting.h) */
	uint64_t started;		/* ns since 1970 */
};

/*
 * After what may have changed what is sealed: frees seal sets that nobody refers
 * to. Programs that nothing needs any more stay attached for a few seconds.
 */
void daemon_tidy(struct daemon *daemon);

#endif
