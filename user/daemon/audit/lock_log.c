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

struct lock_log {
	struct lock *lock;
	const struct containers *containers;
	void (*publish)(void *context, const struct mseald_refusal *refusal);
	void *context;
	struct ring_buffer *ring;
	sd_event_source *source;
	struct timer timer;			/* the end of the window */
	struct ratelimit_denials denials;
	unsigned taken;				/* of this batch */
	uint64_t lost_seen;
};

/* --- the log --- */

static void caller_fields(struct lock_log *lock_log, const struct mseald_refusal *refusal, const char *comm,
			  struct log_fields *fields)
{
	_cleanup_free_ char *cgroup = cgroup_path(refusal->cgroup);
	const char *container = containers_find(lock_log->containers, refusal->cgroup);

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

static void tell(struct lock_log *lock_log, const struct mseald_refusal *refusal)
{
	enum log_level level = lock_op_is_ordinary(refusal->door) ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING;
	struct log_fields fields = {};
	char comm[TEXT_COMM_MAX];

	log_field(&fields, "MSEALD_DOOR=%s", lock_op_name(refusal->door));
	if (!refusal->tgid) {
		log_entry(level, LOG_ABOUT_REFUSED, &fields, "locked: refused %s, by whom is not known",
			  lock_op_phrase(refusal->door));
		return;
	}
	caller_fields(lock_log, refusal, text_comm_line(refusal->comm, comm), &fields);
	log_entry(level, LOG_ABOUT_REFUSED, &fields, "locked: refused %s to %s[%u] uid %u",
		  lock_op_phrase(refusal->door), comm, refusal->tgid, refusal->uid);
}

static void tell_more(enum mseald_lock_door door, const struct ratelimit_caller *caller)
{
	struct log_fields fields = {};
	char comm[TEXT_COMM_MAX];

	(void)text_comm_line(caller->comm, comm);
	log_field(&fields, "MSEALD_DOOR=%s", lock_op_name(door));
	log_field(&fields, "MSEALD_SUPPRESSED=%" PRIu64, caller->more);
	log_field(&fields, "OBJECT_PID=%u", caller->tgid);
	log_field(&fields, "MSEALD_COMM=%s", comm);
	log_entry(LOG_LEVEL_NOTICE, LOG_ABOUT_REFUSED_MORE, &fields,
		  "locked: refused %s to %s[%u] %" PRIu64 " times more", lock_op_phrase(door), comm,
		  caller->tgid, caller->more);
}

static void tell_others(enum mseald_lock_door door, uint64_t others)
{
	struct log_fields fields = {};

	log_field(&fields, "MSEALD_DOOR=%s", lock_op_name(door));
	log_field(&fields, "MSEALD_SUPPRESSED=%" PRIu64, others);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_REFUSED_MORE, &fields,
		  "locked: refused %s %" PRIu64 " times more, to more than %u processes within %llu minutes",
		  lock_op_phrase(door), others, RATELIMIT_CALLERS, RATELIMIT_DENIALS_WINDOW_US / 60000000);
}

static void tell_untold(uint64_t count)
{
	struct log_fields fields = {};

	log_field(&fields, "MSEALD_LOST=%" PRIu64, count);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_REFUSED_MORE, &fields,
		  "locked: refused %" PRIu64 " attempts of which no more is known: the buffer was full",
		  count);
}

static void end_window(struct lock_log *lock_log)
{
	uint64_t untold = lock_lost(lock_log->lock);

	for (unsigned i = 0; i < MSEALD_DOOR_COUNT; i++) {
		const struct ratelimit_op *op = &lock_log->denials.list[i];

		for (unsigned k = 0; k < op->callers; k++)
			if (op->list[k].more)
				tell_more(i, &op->list[k]);
		if (op->others)
			tell_others(i, op->others);
	}
	if (untold != lock_log->lost_seen)
		tell_untold(untold - lock_log->lost_seen);
	lock_log->lost_seen = untold;
	ratelimit_clear_denials(&lock_log->denials);
}

static void on_timer(void *context)
{
	end_window(context);
}

/* --- the buffer --- */

static void take(struct lock_log *lock_log, const struct mseald_refusal *refusal)
{
	if (!lock_log->denials.begun)
		(void)timer_set(&lock_log->timer, RATELIMIT_DENIALS_WINDOW_US);
	if (!ratelimit_allow_denial(&lock_log->denials, refusal))
		return;
	tell(lock_log, refusal);
	lock_log->publish(lock_log->context, refusal);
}

/* An error ends the batch, with this one taken. */
static int on_refusal(void *context, void *data, size_t size)
{
	const struct mseald_refusal *refusal = data;
	struct lock_log *lock_log = context;

	if (size >= sizeof(*refusal) && refusal->door < MSEALD_DOOR_COUNT)
		take(lock_log, refusal);
	return ++lock_log->taken < BATCH ? 0 : -EXFULL;
}

static void consume(struct lock_log *lock_log)
{
	int r;

	lock_log->taken = 0;
	r = ring_buffer__consume(lock_log->ring);
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

static void lock_log_free(struct lock_log *lock_log)
{
	(void)sd_event_source_disable_unref(lock_log->source);
	timer_close(&lock_log->timer);
	ring_buffer__free(lock_log->ring);
	free(lock_log);
}

int lock_log_open(sd_event *loop, struct lock *lock, const struct containers *containers,
		  void (*publish)(void *context, const struct mseald_refusal *refusal), void *context,
		  struct lock_log **ret)
{
	struct lock_log *lock_log = calloc(1, sizeof(*lock_log));
	int r;

	if (!lock_log)
		return -ENOMEM;
	*lock_log = (struct lock_log){ .lock = lock, .containers = containers, .publish = publish,
				       .context = context };
	lock_log->ring = ring_buffer__new(lock_denials_fd(lock), on_refusal, lock_log, NULL);
	r = lock_log->ring ? 0 : -errno;
	if (r >= 0)
		r = sd_event_add_io(loop, &lock_log->source, ring_buffer__epoll_fd(lock_log->ring), EPOLLIN,
				    on_readable, lock_log);
	if (r >= 0)
		r = timer_open(&lock_log->timer, loop, RATELIMIT_DENIALS_WINDOW_US / 600, on_timer, lock_log);
	if (r < 0) {
		lock_log_free(lock_log);
		return r;
	}
	*ret = lock_log;
	return 0;
}

struct lock_log *lock_log_close(struct lock_log *lock_log)
{
	if (!lock_log)
		return NULL;
	consume(lock_log);
	end_window(lock_log);
	lock_log_free(lock_log);
	return NULL;
}
