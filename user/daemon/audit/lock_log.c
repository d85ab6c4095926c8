// SPDX-License-Identifier: LGPL-2.1-or-later
/* See lock_log.h. */
#include "audit/lock_log.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "audit/ratelimit.h"
#include "base/cgroup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timer.h"
#include "bpf/lock_ops.h"

/* As many as the buffer can hold: whoever tries all the time cannot keep us at it. */
#define BATCH 1024u

struct refusals {
	struct lock *lock;
	const struct containers *containers;
	void (*publish)(void *context, const struct mseald_refusal *refusal);
	void *context;
	struct ring_buffer *ring;
	sd_event_source *source, *timer;	/* timer: the end of the window */
	struct doors doors;
	unsigned taken;				/* of this batch */
	uint64_t lost_seen;
};

/* --- the log --- */

static void caller_fields(struct refusals *refusals, const struct mseald_refusal *refusal, const char *comm,
			  struct log_fields *fields)
{
	_cleanup_free_ char *cgroup = cgroup_path(refusal->cgroup);
	const char *container = containers_find(refusals->containers, refusal->cgroup);

	log_field(fields, "OBJECT_PID=%u", refusal->tgid);
	log_field(fields, "MSEALD_TID=%u", refusal->pid);
	log_field(fields, "MSEALD_UID=%u", refusal->uid);
	log_field(fields, "MSEALD_GID=%u", refusal->gid);
	log_field(fields, "MSEALD_COMM=%s", comm);
	if (cgroup)
		log_field(fields, "MSEALD_CGROUP=%s", cgroup);
	if (container)
		log_field(fields, "MSEALD_CONTAINER=%s", container);
}

static void tell(struct refusals *refusals, const struct mseald_refusal *refusal)
{
	enum log_level level = lock_op_is_ordinary(refusal->door) ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING;
	struct log_fields fields = {};
	char comm[TEXT_COMM_MAX];

	log_field(&fields, "MSEALD_DOOR=%s", lock_op_name(refusal->door));
	if (!refusal->tgid) {
		log_entry(level, LOG_ABOUT_REFUSED, &fields, "locked: refused %s, by whom is not known", lock_op_phrase(refusal->door));
		return;
	}
	caller_fields(refusals, refusal, text_comm_line(refusal->comm, comm), &fields);
	log_entry(level, LOG_ABOUT_REFUSED, &fields, "locked: refused %s to %s[%u] uid %u", lock_op_phrase(refusal->door), comm,
		  refusal->tgid, refusal->uid);
}

static void tell_more(enum mseald_lock_door door, const struct door_caller *caller)
{
	struct log_fields fields = {};
	char comm[TEXT_COMM_MAX];

	(void)text_comm_line(caller->comm, comm);
	log_field(&fields, "MSEALD_DOOR=%s", lock_op_name(door));
	log_field(&fields, "MSEALD_SUPPRESSED=%" PRIu64, caller->more);
	log_field(&fields, "OBJECT_PID=%u", caller->tgid);
	log_field(&fields, "MSEALD_COMM=%s", comm);
	log_entry(LOG_LEVEL_NOTICE, LOG_ABOUT_REFUSED_MORE, &fields, "locked: refused %s to %s[%u] %" PRIu64 " times more",
		  lock_op_phrase(door), comm, caller->tgid, caller->more);
}

static void tell_others(enum mseald_lock_door door, uint64_t others)
{
	struct log_fields fields = {};

	log_field(&fields, "MSEALD_DOOR=%s", lock_op_name(door));
	log_field(&fields, "MSEALD_SUPPRESSED=%" PRIu64, others);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_REFUSED_MORE, &fields,
		  "locked: refused %s %" PRIu64 " times more, to more than %u processes within %llu minutes", lock_op_phrase(door),
		  others, DOOR_CALLERS, DOORS_WINDOW_US / 60000000);
}

static void tell_untold(uint64_t count)
{
	struct log_fields fields = {};

	log_field(&fields, "MSEALD_LOST=%" PRIu64, count);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_REFUSED_MORE, &fields,
		  "locked: refused %" PRIu64 " attempts of which no more is known: the buffer was full", count);
}

static void end_window(struct refusals *refusals)
{
	uint64_t untold = lock_lost(refusals->lock);

	for (unsigned i = 0; i < MSEALD_DOOR_COUNT; i++) {
		const struct door *door = &refusals->doors.list[i];

		for (unsigned k = 0; k < door->callers; k++)
			if (door->list[k].more)
				tell_more(i, &door->list[k]);
		if (door->others)
			tell_others(i, door->others);
	}
	if (untold != refusals->lost_seen)
		tell_untold(untold - refusals->lost_seen);
	refusals->lost_seen = untold;
	doors_clear(&refusals->doors);
}

static int on_timer(sd_event_source *source, uint64_t now, void *context)
{
	(void)source;
	(void)now;
	end_window(context);
	return 0;
}

/* --- the buffer --- */

static void take(struct refusals *refusals, const struct mseald_refusal *refusal)
{
	if (!refusals->doors.begun)
		(void)timer_set(refusals->timer, DOORS_WINDOW_US);
	if (!doors_let(&refusals->doors, refusal))
		return;
	tell(refusals, refusal);
	refusals->publish(refusals->context, refusal);
}

/* An error ends the batch, with this one taken. */
static int on_refusal(void *context, void *data, size_t size)
{
	const struct mseald_refusal *refusal = data;
	struct refusals *refusals = context;

	if (size >= sizeof(*refusal) && refusal->door < MSEALD_DOOR_COUNT)
		take(refusals, refusal);
	return ++refusals->taken < BATCH ? 0 : -EXFULL;
}

static void consume(struct refusals *refusals)
{
	int r;

	refusals->taken = 0;
	r = ring_buffer__consume(refusals->ring);
	if (r < 0 && r != -EXFULL)
		log_warning("cannot read what was refused: %s, ignoring", strerror(-r));
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	(void)source;
	(void)fd;
	(void)revents;
	consume(context);
	return 0;
}

static void refusals_free(struct refusals *refusals)
{
	(void)sd_event_source_disable_unref(refusals->source);
	(void)sd_event_source_disable_unref(refusals->timer);
	ring_buffer__free(refusals->ring);
	free(refusals);
}

int refusals_open(sd_event *loop, struct lock *lock, const struct containers *containers,
		  void (*publish)(void *context, const struct mseald_refusal *refusal), void *context, struct refusals **ret)
{
	struct refusals *refusals = calloc(1, sizeof(*refusals));
	int r;

	if (!refusals)
		return -ENOMEM;
	*refusals = (struct refusals){ .lock = lock, .containers = containers, .publish = publish, .context = context };
	refusals->ring = ring_buffer__new(lock_denials_fd(lock), on_refusal, refusals, NULL);
	r = refusals->ring ? 0 : -errno;
	if (r >= 0)
		r = sd_event_add_io(loop, &refusals->source, ring_buffer__epoll_fd(refusals->ring), EPOLLIN, on_readable,
				    refusals);
	if (r >= 0)
		r = timer_add(loop, DOORS_WINDOW_US / 600, on_timer, refusals, &refusals->timer);
	if (r < 0) {
		refusals_free(refusals);
		return r;
	}
	*ret = refusals;
	return 0;
}

struct refusals *refusals_close(struct refusals *refusals)
{
	if (!refusals)
		return NULL;
	consume(refusals);
	end_window(refusals);
	refusals_free(refusals);
	return NULL;
}
