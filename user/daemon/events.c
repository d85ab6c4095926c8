// SPDX-License-Identifier: LGPL-2.1-or-later
/* See events.h. */
#include "events.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>

#include "containers.h"
#include "integrity.h"
#include "log.h"
#include "report.h"
#include "server.h"
#include "starts.h"
#include "telling.h"
#include "timer.h"

/* What a buffer can hold of the smallest there are, so that whoever tries all the time cannot keep us at it. */
#define BATCH (MSEALD_EVENTS_SIZE / (sizeof(struct mseald_hint) + 8))

#define TIDY_US (100u * 1000)
#define END_US (10u * 1000)	/* until it is looked whether all have died that were killed */

struct events {
	struct daemon *daemon;
	struct telling *telling;
	unsigned taken;		/* of this batch */
	struct ring_buffer *ring;
	sd_event_source *source;
	uint64_t lost_told;	/* of state->lost, already logged */
	sd_event_source *tidy;	/* armed when something is unused */
	sd_event_source *end;	/* armed while somebody shares a doomed address space */
	bool unused, doomed;	/* seen in this batch */
};

static void take_event(struct events *events, void *data, size_t size)
{
	const struct mseald_event *event = data;

	if (size >= sizeof(struct mseald_hint) && (event->type == MSEALD_EVENT_START || event->type == MSEALD_EVENT_RELRO)) {
		starts_hint(events->daemon->starts, data);
		return;
	}
	if (size < sizeof(*event))
		return;
	if (event->type == MSEALD_EVENT_UNUSED) {
		events->unused = true;
		return;
	}
	if (event->verdict == MSEALD_VERDICT_KILLED)
		events->doomed = true;
	tell_attempt(events->telling, event);
	report_attempt(events->daemon->report, event);
	server_publish(events->daemon->server, event);
}

/* An error ends the batch, with this event taken (libbpf's ringbuf.c, ringbuf_process_ring). */
static int on_event(void *context, void *data, size_t size)
{
	struct events *events = context;

	take_event(events, data, size);
	return ++events->taken < BATCH ? 0 : -EXFULL;
}

static void check_lost(struct events *events)
{
	uint64_t lost = events_lost(events);

	if (lost == events->lost_told)
		return;
	tell_lost(lost - events->lost_told);
	server_publish_lost(events->daemon->server, lost - events->lost_told);
	events->lost_told = lost;
}

/* Where much comes and goes, all of it at once: each time the kernel waits for every program that runs. */
static void tidy_soon(struct events *events)
{
	timer_set_if_off(events->tidy, TIDY_US);
}

static int on_tidy(sd_event_source *source, uint64_t now, void *context)
{
	struct events *events = context;

	(void)source;
	(void)now;
	daemon_tidy(events->daemon);
	return 0;
}

void events_catch_up(struct events *events)
{
	int r;

	if (!events)
		return;
	events->taken = 0;
	r = ring_buffer__consume(events->ring);
	if (r < 0 && r != -EXFULL)
		log_warning("cannot read the event buffer: %s, ignoring", strerror(-r));
	check_lost(events);
	if (events->doomed)
		events_end_doomed(events);
	if (events->unused)
		tidy_soon(events);
	events->doomed = events->unused = false;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	(void)source;
	(void)fd;
	(void)revents;
	events_catch_up(context);
	return 0;
}

void events_end_doomed(struct events *events)
{
	if (integrity_end_doomed(events->daemon))
		(void)timer_set(events->end, END_US);
}

static int on_end(sd_event_source *source, uint64_t now, void *context)
{
	(void)source;
	(void)now;
	events_end_doomed(context);
	return 0;
}

int events_open(struct daemon *daemon, struct events **ret)
{
	struct events *events = calloc(1, sizeof(*events));
	int r;

	if (!events)
		return -ENOMEM;
	events->daemon = daemon;
	r = telling_open(daemon, &events->telling);
	if (r >= 0) {
		events->ring = ring_buffer__new(programs_map_fd(daemon->programs, "events"), on_event, events, NULL);
		r = events->ring ? 0 : -errno;
	}
	if (r >= 0)
		r = sd_event_add_io(daemon->loop, &events->source, ring_buffer__epoll_fd(events->ring), EPOLLIN,
				    on_readable, events);
	if (r >= 0)
		r = timer_add(daemon->loop, 0, on_tidy, events, &events->tidy);
	if (r >= 0)
		r = timer_add(daemon->loop, 0, on_end, events, &events->end);
	if (r < 0) {
		(void)events_close(events);
		return r;
	}
	/* What an earlier daemon counted as lost, it said. */
	events->lost_told = programs_state(daemon->programs)->lost;
	*ret = events;
	return 0;
}

struct events *events_close(struct events *events)
{
	if (!events)
		return NULL;
	(void)sd_event_source_disable_unref(events->source);
	(void)sd_event_source_disable_unref(events->tidy);
	(void)sd_event_source_disable_unref(events->end);
	ring_buffer__free(events->ring);
	(void)telling_close(events->telling);
	free(events);
	return NULL;
}

uint64_t events_lost(const struct events *events)
{
	return programs_state(events->daemon->programs)->lost;
}
