// SPDX-License-Identifier: LGPL-2.1-or-later
/* See reconcile.h. look.c has what happens at each look, pending.c the processes to look at. */
#include "policy/reconcile.h"

#include <inttypes.h>

#include "base/log.h"
#include "bpf/task_iter.h"
#include "lib/base/clock.h"
#include "policy/look.h"
#include "policy/pending.h"
#include "policy/policy_seal.h"
#include "policy/watched.h"

/* After this time the daemon completes the seals of the kernel; earlier, if it makes them native. */
#define COMPLETE_AFTER_US (2u * 1000 * 1000)

struct reconcile {
	struct pending_list list;
	uint64_t lost_seen;
	struct mseald_task *looked; /* all threads at the last look at all processes, ordered by key */
	size_t looked_count;
};

void reconcile_exec_event(struct reconcile *reconcile, const struct mseald_exec_event *event)
{
	struct pending *pending = reconcile ? pending_find_current(&reconcile->list, event->space) : NULL;
	bool known = pending;
	struct readiness *readiness;

	if (reconcile && !known)
		pending = pending_add(&reconcile->list, event->space, event->pid);
	if (!pending)
		return;
	readiness = &pending->readiness;
	if (!known)
		pending->began = event->time;
	/* The daemon had finished with this process, whose start was reported before. */
	if (!known && event->type == MSEALD_EVENT_RELRO)
		readiness->unseen = true;
	if (event->type == MSEALD_EVENT_RELRO && readiness->relro_count == READINESS_RELRO_MAX)
		readiness->unseen = true;
	else if (event->type == MSEALD_EVENT_RELRO)
		readiness->relro[readiness->relro_count++] = event->address;
	if (pending->phase != PHASE_LOOK)
		pending->looking = pending_now_us(&reconcile->list);
	pending->phase = PHASE_LOOK;
	pending->pause = PENDING_FIRST_PAUSE_US;
	/* Its loader has to run first: nothing is mapped, or nothing is relocated yet. */
	pending_look_after(pending, PENDING_FIRST_PAUSE_US);
}

/*
 * Unwatches address spaces whose end no program saw. The keys were read before the tasks, so none of them
 * belongs to a new process.
 */
static void unwatch_gone(struct programs *programs, const uint64_t *keys, size_t keys_count,
			 struct mseald_task *tasks, size_t tasks_count, uint64_t read)
{
	task_iter_sort_by_key(tasks, tasks_count);
	for (size_t i = 0; i < keys_count; i++)
		if (!task_iter_find(tasks, tasks_count, keys[i]))
			(void)programs_run(programs, TOOL_UNWATCH, keys[i], read);
}

/* The reason for looking at all processes. */
enum occasion {
	OCCASION_RELOAD, /* the policies or the daemon are new */
	OCCASION_LOST,	 /* an event was lost */
	OCCASION_MISSED, /* a program run was skipped: a process may have started unseen */
};

/*
 * Microseconds from the exec until the daemon replaces the kernel's seal set by its own. The kernel adds to
 * sets of the pool only: until then it also seals objects that the program loads later (Dlopen=yes).
 */
static uint64_t kernel_seals_for(const struct reconcile *reconcile, const struct mseald_watched *watched)
{
	const struct policy_context *on = &reconcile->list.on;
	const struct policy *policy = active_decided(on->active, watched);

	return policy && policy_seal_late(programs_coverage(on->programs), policy) ?
		       MAX_OF(on->config->settle, (uint64_t)COMPLETE_AFTER_US) :
		       MIN_OF(on->config->native_after, (uint64_t)COMPLETE_AFTER_US);
}

/*
 * Is the kernel still sealing its start? It adds to its own set only, so the daemon must not replace that
 * before the program's RELRO is done, or Settle= is over: a program without RELRO gives no sign.
 */
static bool is_starting(const struct reconcile *reconcile, uint64_t key, const struct mseald_watched *watched)
{
	return watched->flags & MSEALD_WATCHED_KERNEL &&
	       !(watched_loading(reconcile->list.on.programs, key) &
		 (MSEALD_LOADING_PROGRAM | MSEALD_LOADING_DONE)) &&
	       clock_ns(CLOCK_BOOTTIME) < watched->since + reconcile->list.on.config->settle * 1000;
}

/* Has the kernel sealed it, and does it continue to? */
static bool is_kernels(const struct reconcile *reconcile, uint64_t key, const struct mseald_watched *watched)
{
	return is_starting(reconcile, key, watched) ||
	       (watched->flags & MSEALD_WATCHED_KERNEL &&
		clock_ns(CLOCK_BOOTTIME) < watched->since + kernel_seals_for(reconcile, watched) * 1000);
}

/* Did the last look at all processes have it? Where keys return, it could be another one. */
static bool was_looked_at(const struct reconcile *reconcile, uint64_t key)
{
#ifdef MSEALD_KEYS_RETURN
	(void)reconcile, (void)key;
	return false;
#else
	return task_iter_find(reconcile->looked, reconcile->looked_count, key);
#endif
}

static void look_at_all(struct reconcile *reconcile, enum occasion occasion)
{
	struct programs *programs = reconcile->list.on.programs;
	_cleanup_free_ struct mseald_task *tasks = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	uint64_t read = clock_ns(CLOCK_BOOTTIME);
	struct mseald_watched watched;
	size_t count, keys_count;

	if (!active_policies(reconcile->list.on.active)->count ||
	    watched_keys(programs, &keys, &keys_count) < 0 || task_iter_read(programs, 0, &tasks, &count) < 0)
		return;
	unwatch_gone(programs, keys, keys_count, tasks, count, read);
	for (size_t i = 0; i < count; i++) {
		struct pending *pending;
		bool known;

		if (!task_is_process(&tasks[i]) ||
		    (occasion == OCCASION_MISSED && was_looked_at(reconcile, tasks[i].key)))
			continue;
		pending = pending_find_current(&reconcile->list, tasks[i].key);
		known = pending;
		if (!known && watched_find(programs, tasks[i].key, &watched) &&
		    (occasion == OCCASION_MISSED ? is_kernels(reconcile, tasks[i].key, &watched) :
						   is_starting(reconcile, tasks[i].key, &watched)))
			continue;
		if (!known)
			pending = pending_add(&reconcile->list, tasks[i].key, tasks[i].pid);
		/* Events of a known process may have been lost. */
		if (pending && (!known || occasion == OCCASION_LOST))
			pending->readiness.unseen = true;
		if (!pending)
			continue;
		/*
		 * A process may wait long for mseal(2), or for its next library: by now the policy may want
		 * more, or an event was lost.
		 */
		if (pending->phase != PHASE_LOOK) {
			pending->phase = PHASE_LOOK;
			pending->looking = pending_now_us(&reconcile->list);
		}
		pending_look_after(pending, 0);
	}
	free(reconcile->looked);
	reconcile->looked = tasks;
	reconcile->looked_count = count;
	tasks = NULL;
}

void reconcile_look_at_all(struct reconcile *reconcile)
{
	look_at_all(reconcile, OCCASION_RELOAD);
}

static void forget_gone(struct reconcile *reconcile)
{
	for (size_t i = 0; i < PENDING_BUCKETS; i++)
		for (struct pending *pending = reconcile->list.buckets[i], *next; pending; pending = next) {
			struct mseald_watched watched;

			next = pending->next;
			if (pending->phase != PHASE_LOOK && pending->watched &&
			    !watched_find(reconcile->list.on.programs, pending->key, &watched))
				pending_drop(pending);
		}
}

/*
 * Has the kernel sealed all of its start, and is it time for mseal(2)? Then one look is enough. Not where an
 * object from dlopen(3) must be sealed by mseal(2) or not at all: the rest must not depend on that.
 */
static bool seals_natively_at_once(const struct pending *pending, const struct mseald_watched *watched)
{
	const struct policy_context *on = &pending->list->on;
	const struct policy *policy = active_decided(on->active, watched);

	return policy && look_wants_native(pending, policy) &&
	       (!policy->seal.dlopen || policy_seal_late(programs_coverage(on->programs), policy)) &&
	       clock_ns(CLOCK_BOOTTIME) >= watched->since + on->config->native_after * 1000 &&
	       left_by_kernel(on->programs, pending->key, pending->pid, watched) == LEFT_NOTHING;
}

/* Takes up processes that the kernel has sealed without an event, and that are still running. */
static void take_up(struct reconcile *reconcile)
{
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count;

	if (watched_keys(reconcile->list.on.programs, &keys, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct mseald_watched watched;
		struct pending *pending;

		if (pending_find_current(&reconcile->list, keys[i]) ||
		    !watched_find(reconcile->list.on.programs, keys[i], &watched) ||
		    !(watched.flags & MSEALD_WATCHED_KERNEL) || is_kernels(reconcile, keys[i], &watched))
			continue;
		pending = pending_add(&reconcile->list, keys[i], (pid_t)watched.pid);
		if (!pending)
			return;
		pending->readiness.unseen = true;
		if (seals_natively_at_once(pending, &watched))
			pending->phase = PHASE_NATIVE;
		pending_look_after(pending, 0);
	}
}

void reconcile_tick(struct reconcile *reconcile, bool lifecycle_missed)
{
	uint64_t lost = programs_state(reconcile->list.on.programs)->lost_exec_events;

	forget_gone(reconcile);
	take_up(reconcile);
	if (lost == reconcile->lost_seen && !lifecycle_missed)
		return;
	if (lost != reconcile->lost_seen)
		log_debug("%" PRIu64 " exec or relro events were lost, looking at every process",
			  lost - reconcile->lost_seen);
	look_at_all(reconcile, lost != reconcile->lost_seen ? OCCASION_LOST : OCCASION_MISSED);
	reconcile->lost_seen = lost;
}

void reconcile_missed(struct reconcile *reconcile, uint64_t key, pid_t pid, const char *policy,
		      uint64_t seconds)
{
	struct pending *pending = pending_find_current(&reconcile->list, key) ?:
					  pending_add(&reconcile->list, key, pid);

	look_log_overdue(pid, policy, seconds, "its start was not seen");
	if (!pending)
		return;
	(void)pending_count_unsealed(pending);
	pending->readiness.unseen = true;
	pending_look_after(pending, 0);
}

bool reconcile_known(const struct reconcile *reconcile, uint64_t key)
{
	return pending_find(&reconcile->list, key);
}

uint64_t reconcile_unsealed(const struct reconcile *reconcile)
{
	return reconcile->list.unsealed;
}

const struct late *reconcile_late(const struct reconcile *reconcile)
{
	return &reconcile->list.late;
}

unsigned reconcile_left(const struct reconcile *reconcile, uint64_t key)
{
	const struct pending *pending = pending_find(&reconcile->list, key);

	return pending ? pending->left : LEFT_NOTHING;
}

bool reconcile_pending(const struct reconcile *reconcile, uint64_t key)
{
	const struct pending *pending = pending_find(&reconcile->list, key);

	return pending && pending->phase == PHASE_LOOK;
}

size_t reconcile_count_pending(const struct reconcile *reconcile)
{
	size_t count = 0;

	for (size_t i = 0; i < PENDING_BUCKETS; i++)
		for (const struct pending *pending = reconcile->list.buckets[i]; pending;
		     pending = pending->next)
			count += pending->phase == PHASE_LOOK;
	return count;
}

int reconcile_open(const struct policy_context *context, struct reconcile **ret)
{
	struct reconcile *reconcile = calloc(1, sizeof(*reconcile));

	if (!reconcile)
		return -ENOMEM;
	reconcile->list.on = *context;
	reconcile->list.due = look_at_process;
	reconcile->lost_seen = programs_state(context->programs)->lost_exec_events;
	*ret = reconcile;
	return 0;
}

void reconcile_close(struct reconcile *reconcile)
{
	if (!reconcile)
		return;
	for (size_t i = 0; i < PENDING_BUCKETS; i++)
		while (reconcile->list.buckets[i])
			pending_drop(reconcile->list.buckets[i]);
	free(reconcile->looked);
	free(reconcile);
}
