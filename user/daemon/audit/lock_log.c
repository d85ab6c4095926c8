// SPDX-License-Identifier: LGPL-2.1-or-later
/* See lock_log.h. */
#include "audit/lock_log.h"

#include <bpf/libbpf.h>
#include <inttypes.h>
#include <sys/epoll.h>

#include "audit/ratelimit.h"
#include "base/cgroup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timer.h"
#include "bpf/lock_ops.h"

/* The number that the buffer can hold: continuous denials must not keep the daemon in this loop. */
#define BATCH 1024u

struct lock_log {
	struct lock *lock;
	const struct containers *containers;
	void (*publish)(void *context, const struct mseald_lock_denial *denial);
	void *context;
	struct ring_buffer *ring;
	sd_event_source *source;
	struct timer timer; /* fires at the end of the window */
	struct ratelimit_denials denials;
	unsigned taken; /* records read in this batch */
	uint64_t lost_seen;
};

/* --- the log --- */

static void caller_fields(struct lock_log *lock_log, const struct mseald_lock_denial *denial,
			  const char *comm, struct log_fields *fields)
{
	_cleanup_free_ char *cgroup = cgroup_path(denial->cgroup);
	const char *container = containers_find(lock_log->containers, denial->cgroup);

	log_field(fields, "OBJECT_PID=%u", denial->tgid);
	log_field(fields, "MSEALD_TID=%u", denial->pid);
	log_field(fields, "MSEALD_UID=%u", denial->uid);
	log_field(fields, "MSEALD_GID=%u", denial->gid);
	log_field(fields, "MSEALD_COMM=%s", comm);
	if (cgroup)
		log_field(fields, "MSEALD_CGROUP=%s", cgroup);
	if (container)
		log_field(fields, "MSEALD_CONTAINER=%s", container);
}

static void log_denial(struct lock_log *lock_log, const struct mseald_lock_denial *denial)
{
	enum log_level level = lock_ops[denial->op].ordinary ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING;
	struct log_fields fields = {};
	char comm[TEXT_COMM_MAX];

	log_field(&fields, "MSEALD_OPERATION=%s", lock_ops[denial->op].name);
	if (!denial->tgid) {
		log_entry(level, LOG_ABOUT_LOCK_DENIED, &fields, "locked: denied %s to an unknown process",
			  lock_ops[denial->op].phrase);
		return;
	}
	caller_fields(lock_log, denial, text_comm_line(denial->comm, comm), &fields);
	log_entry(level, LOG_ABOUT_LOCK_DENIED, &fields, "locked: denied %s to %s[%u] uid %u",
		  lock_ops[denial->op].phrase, comm, denial->tgid, denial->uid);
}

static void log_more(enum mseald_lock_op op, const struct ratelimit_caller *caller)
{
	struct log_fields fields = {};
	char comm[TEXT_COMM_MAX];

	(void)text_comm_line(caller->comm, comm);
	log_field(&fields, "MSEALD_OPERATION=%s", lock_ops[op].name);
	log_field(&fields, "MSEALD_SUPPRESSED=%" PRIu64, caller->more);
	log_field(&fields, "OBJECT_PID=%u", caller->tgid);
	log_field(&fields, "MSEALD_COMM=%s", comm);
	log_entry(LOG_LEVEL_NOTICE, LOG_ABOUT_LOCK_DENIED_MORE, &fields,
		  "locked: denied %s to %s[%u] %" PRIu64 " more times", lock_ops[op].phrase, comm,
		  caller->tgid, caller->more);
}

static void log_others(enum mseald_lock_op op, uint64_t others)
{
	struct log_fields fields = {};

	log_field(&fields, "MSEALD_OPERATION=%s", lock_ops[op].name);
	log_field(&fields, "MSEALD_SUPPRESSED=%" PRIu64, others);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_LOCK_DENIED_MORE, &fields,
		  "locked: denied %s %" PRIu64 " more times, to more than %u processes within %llu minutes",
		  lock_ops[op].phrase, others, RATELIMIT_CALLERS, RATELIMIT_DENIALS_WINDOW_US / 60000000);
}

static void log_lost(uint64_t count)
{
	struct log_fields fields = {};

	log_field(&fields, "MSEALD_LOST=%" PRIu64, count);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_LOCK_DENIED_MORE, &fields,
		  "locked: denied %" PRIu64 " operations that were not logged: the buffer was full", count);
}

static void end_window(void *context)
{
	struct lock_log *lock_log = context;
	uint64_t lost = lock_lost(lock_log->lock);

	for (unsigned i = 0; i < MSEALD_LOCK_OP_COUNT; i++) {
		const struct ratelimit_op *op = &lock_log->denials.list[i];

		for (unsigned k = 0; k < op->callers; k++)
			if (op->list[k].more)
				log_more(i, &op->list[k]);
		if (op->others)
			log_others(i, op->others);
	}
	if (lost != lock_log->lost_seen)
		log_lost(lost - lock_log->lost_seen);
	lock_log->lost_seen = lost;
	memset(&lock_log->denials, 0, sizeof(lock_log->denials));
}

/* --- the buffer --- */

static void take(struct lock_log *lock_log, const struct mseald_lock_denial *denial)
{
	if (!lock_log->denials.begun)
		(void)timer_set(&lock_log->timer, RATELIMIT_DENIALS_WINDOW_US);
	if (!ratelimit_allow_denial(&lock_log->denials, denial))
		return;
	log_denial(lock_log, denial);
	lock_log->publish(lock_log->context, denial);
}

/* An error ends the batch; this record counts as read. */
static int on_denial(void *context, void *data, size_t size)
{
	const struct mseald_lock_denial *denial = data;
	struct lock_log *lock_log = context;

	if (size >= sizeof(*denial) && denial->op < MSEALD_LOCK_OP_COUNT)
		take(lock_log, denial);
	return ++lock_log->taken < BATCH ? 0 : -EXFULL;
}

static void consume(struct lock_log *lock_log)
{
	int r;

	lock_log->taken = 0;
	r = ring_buffer__consume(lock_log->ring);
	if (r < 0 && r != -EXFULL)
		log_warning("cannot read the denials of the lock: %s, ignoring", strerror(-r));
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *context)
{
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
		  void (*publish)(void *context, const struct mseald_lock_denial *denial), void *context,
		  struct lock_log **ret)
{
	struct lock_log *lock_log = calloc(1, sizeof(*lock_log));
	int r;

	if (!lock_log)
		return -ENOMEM;
	*lock_log = (struct lock_log){
		.lock = lock, .containers = containers, .publish = publish, .context = context
	};
	lock_log->ring = ring_buffer__new(lock_denials_fd(lock), on_denial, lock_log, NULL);
	r = lock_log->ring ? 0 : -errno;
	if (r >= 0)
		r = sd_event_add_io(loop, &lock_log->source, ring_buffer__epoll_fd(lock_log->ring), EPOLLIN,
				    on_readable, lock_log);
	if (r >= 0)
		r = timer_open(&lock_log->timer, loop, RATELIMIT_DENIALS_WINDOW_US / 600, end_window,
			       lock_log);
	if (r < 0)
		lock_log_free(lock_log);
	else
		*ret = lock_log;
	return r;
}

void lock_log_close(struct lock_log *lock_log)
{
	if (!lock_log)
		return;
	consume(lock_log);
	end_window(lock_log);
	lock_log_free(lock_log);
}
