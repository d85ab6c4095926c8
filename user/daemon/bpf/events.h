/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the ring buffer of the programs, and passes each event to its handler. */
#pragma once

#include <systemd/sd-event.h>

#include "bpf/programs.h"

struct event_handlers {
	void (*attempt)(void *context, const struct mseald_event *event);
	void (*exec_event)(void *context, const struct mseald_exec_event *event);
	void (*lost)(void *context, uint64_t count); /* attempts that found the buffer full */
	/* Called at the end of a batch: */
	void (*killed)(void *context); /* a kill is pending in an address space */
	void (*unused)(void *context); /* a seal set may be unused */
};

struct events {
	struct programs *programs;
	const struct event_handlers *handlers;
	void *context;
	unsigned taken;		  /* events read in this batch */
	struct ring_buffer *ring; /* of libbpf */
	sd_event_source *source;
	uint64_t lost_reported; /* value of state->lost */
	bool unused, killed;	/* seen in this batch */
};

/* Begins to read the ring buffer, including events that an earlier daemon did not read. Negative errno. */
int events_open(struct events *events, sd_event *loop, struct programs *programs,
		const struct event_handlers *handlers, void *context);
void events_close(struct events *events); /* takes zeroed */

/* Reads the pending events now. Takes NULL. */
void events_catch_up(struct events *events);

/* Number of attempts whose event was lost, since the maps were made. */
uint64_t events_lost(const struct events *events);
