// SPDX-License-Identifier: LGPL-2.1-or-later
/* See events.h. */
#include "bpf/events.h"

#include <bpf/libbpf.h>
#include <sys/epoll.h>

#include "base/log.h"

/* The most events that a buffer can hold: continuous attempts must not keep the daemon in this loop. */
#define BATCH (MSEALD_EVENTS_SIZE / (sizeof(struct mseald_exec_event) + 8))

static void take_event(struct events *events, void *data, size_t size)
{
	const struct mseald_event *event = data;

	if (size >= sizeof(struct mseald_exec_event) &&
	    (event->type == MSEALD_EVENT_EXEC || event->type == MSEALD_EVENT_RELRO)) {
		events->handlers->exec_event(events->context, data);
		return;
	}
	if (size < sizeof(*event))
		return;
	if (event->type == MSEALD_EVENT_UNUSED) {
		events->unused = true;
		return;
	}
	if (event->verdict == MSEALD_VERDICT_KILLED)
		events->killed = true;
	events->handlers->attempt(events->context, event);
}

/* An error ends the batch; this event counts as read (libbpf's ringbuf.c, ringbuf_process_ring). */
static int on_event(void *context, void *data, size_t size)
{
	struct events *events = context;

	take_event(events, data, size);
	return ++events->taken < BATCH ? 0 : -EXFULL;
}

void events_catch_up(struct events *events)
{
	uint64_t lost;
	int r;

	if (!events)
		return;
	events->taken = 0;
	r = ring_buffer__consume(events->ring);
	if (r < 0 && r != -EXFULL)
		log_warning("cannot read the event buffer: %s, ignoring", strerror(-r));
	lost = events_lost(events);
	if (lost != events->lost_reported)
		events->handlers->lost(events->context, lost - events->lost_reported);
	events->lost_reported = lost;
	if (events->killed)
		events->handlers->killed(events->context);
	if (events->unused)
		events->handlers->unused(events->context);
	events->killed = events->unused = false;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	events_catch_up(context);
	return 0;
}

int events_open(struct events *events, sd_event *loop, struct programs *programs,
		const struct event_handlers *handlers, void *context)
{
	*events = (struct events){ .programs = programs, .handlers = handlers, .context = context };
	events->ring = ring_buffer__new(programs_map_fd(programs, "events"), on_event, events, NULL);
	/* An earlier daemon has already reported the losses that it counted. */
	events->lost_reported = events_lost(events);
	return events->ring ? sd_event_add_io(loop, &events->source, ring_buffer__epoll_fd(events->ring),
					      EPOLLIN, on_readable, events) :
			      -errno;
}

void events_close(struct events *events)
{
	events->source = sd_event_source_disable_unref(events->source);
	ring_buffer__free(events->ring);
}

uint64_t events_lost(const struct events *events)
{
	return programs_state(events->programs)->lost;
}
