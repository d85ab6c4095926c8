// SPDX-License-Identifier: LGPL-2.1-or-later
/* See pending.h. */
#include "policy/pending.h"

#include "bpf/task_iter.h"
#include "lib/base/clock.h"
#include "policy/watched.h"

uint64_t pending_now_us(const struct pending_list *list)
{
	uint64_t now = 0;

	(void)sd_event_now(list->on.loop, CLOCK_MONOTONIC, &now);
	return now;
}

static struct pending **find(const struct pending_list *list, uint64_t key)
{
	struct pending **at = (struct pending **)&list->buckets[key % PENDING_BUCKETS];

	while (*at && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

void pending_look_after(struct pending *pending, uint64_t pause)
{
	/* Native sealing only makes calls faster, so it runs when the daemon is idle. */
	(void)sd_event_source_set_priority(pending->timer.source, pending->phase == PHASE_NATIVE ?
									  SD_EVENT_PRIORITY_IDLE :
									  SD_EVENT_PRIORITY_NORMAL);
	(void)timer_set(&pending->timer, pause);
}

struct pending *pending_find(const struct pending_list *list, uint64_t key)
{
	return *find(list, key);
}

static void pending_free(struct pending *pending)
{
	timer_close(&pending->timer);
	readiness_free(&pending->readiness);
	free(pending);
}

void pending_drop(struct pending *pending)
{
	struct pending **at = find(pending->list, pending->key);

	*at = pending->next;
	if (pending->held)
		pending->dropped = true;
	else
		pending_free(pending);
}

void pending_hold(struct pending *pending)
{
	pending->held = true;
}

bool pending_unhold(struct pending *pending)
{
	bool dropped = pending->dropped;

	pending->held = false;
	if (dropped)
		pending_free(pending);
	return !dropped;
}

bool pending_is_current(const struct pending *pending)
{
#ifdef MSEALD_KEYS_RETURN
	struct programs *programs = pending->list->on.programs;
	struct mseald_watched watched;

	return task_iter_key_of(programs, pending->pid) == pending->key &&
	       !(watched_find(programs, pending->key, &watched) && watched.since > pending->began);
#else
	(void)pending;
	return true;
#endif
}

struct pending *pending_find_current(struct pending_list *list, uint64_t key)
{
	struct pending *pending = *find(list, key);

	if (!pending || pending_is_current(pending))
		return pending;
	pending_drop(pending);
	return NULL;
}

struct pending *pending_add(struct pending_list *list, uint64_t key, pid_t pid)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (!pending)
		return NULL;
	*pending = (struct pending){
		.next = list->buckets[key % PENDING_BUCKETS],
		.list = list,
		.key = key,
		.pid = pid,
		.looking = pending_now_us(list),
		.began = clock_ns(CLOCK_BOOTTIME),
		.pause = PENDING_FIRST_PAUSE_US,
		.start = LEFT_NOTHING,
		.left = LEFT_NOTHING,
	};
	if (timer_open(&pending->timer, list->on.loop, 1, list->due, pending) < 0) {
		free(pending);
		return NULL;
	}
	list->buckets[key % PENDING_BUCKETS] = pending;
	return pending;
}

bool pending_count_unsealed(struct pending *pending)
{
	if (pending->counted)
		return false;
	pending->counted = true;
	pending->list->unsealed++;
	return true;
}
