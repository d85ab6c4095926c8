// SPDX-License-Identifier: LGPL-2.1-or-later
/* See reconcile.h. */
#include "policy/reconcile.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "bpf/task_iter.h"
#include "policy/armed.h"
#include "policy/exec_facts.h"
#include "seal/seal.h"

#define BUCKETS 1024
#define FIRST_PAUSE_US 1000u
#define LAST_PAUSE_US (250u * 1000)
#define SETTLE_STORE_US (20u * 1000)
#define RETRY_US (5u * 1000 * 1000)
/* The time a loader may take, however slow the machine; only what never makes its RELRO read-only waits for it. */
#define SETTLE_US (10u * 1000 * 1000)
/* What is not sealed after that is told of; of what may wait for a loader, that much later. */
#define OVERDUE_US (5u * 1000 * 1000)

enum phase {
	PHASE_LOOK,	/* something is not sealed yet */
	PHASE_NATIVE,	/* all is; now by mseal(2), too */
	PHASE_WATCH,	/* and whatever it loads from now on */
};

struct start {
	struct start *next;
	struct starts *starts;
	sd_event_source *source;
	uint64_t key;
	pid_t pid;
	uint64_t since;			/* microseconds, CLOCK_MONOTONIC */
	uint64_t looking;		/* the same: since when there is something to be sealed */
	uint64_t began;			/* nanoseconds, CLOCK_BOOTTIME: its exec, or when it was found */
	uint64_t sealed;		/* microseconds from then until all there was was sealed */
	uint64_t pause;
	enum phase phase;
	bool matched;			/* it has been looked at */
	bool complained;
	bool counted;			/* as not sealed in time */
	struct readiness readiness;
};

struct starts {
	struct starts_context on;
	struct start *buckets[BUCKETS];
	sd_event_source *settle;	/* for all that was sealed lately */
	uint64_t lost_seen;
	uint64_t unsealed;		/* that were not sealed in time */
};

static int on_due(sd_event_source *source, uint64_t now, void *context);

static uint64_t now_us(struct starts *starts)
{
	uint64_t now = 0;

	(void)sd_event_now(starts->on.loop, CLOCK_MONOTONIC, &now);
	return now;
}

/* --- the list --- */

static struct start **find(const struct starts *starts, uint64_t key)
{
	struct start **at = (struct start **)&starts->buckets[key % BUCKETS];

	while (*at && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

static void look_after(struct start *start, uint64_t pause)
{
	/* What only makes it faster comes when nothing else is to do. */
	(void)sd_event_source_set_priority(start->source, start->phase == PHASE_NATIVE ? SD_EVENT_PRIORITY_IDLE :
											SD_EVENT_PRIORITY_NORMAL);
	(void)timer_set(start->source, pause);
}

static struct start *add(struct starts *starts, uint64_t key, pid_t pid)
{
	struct start **at = find(starts, key), *start = *at;

	if (start)
		return start;
	start = calloc(1, sizeof(*start));
	if (!start)
		return NULL;
	*start = (struct start){ .starts = starts, .key = key, .pid = pid, .since = now_us(starts), .looking = now_us(starts),
				 .began = clock_ns(CLOCK_BOOTTIME), .pause = FIRST_PAUSE_US };
	if (timer_add(starts->on.loop, 1, on_due, start, &start->source) < 0) {
		free(start);
		return NULL;
	}
	*at = start;
	return start;
}

static void drop(struct start *start)
{
	struct start **at = find(start->starts, start->key);

	*at = start->next;
	(void)sd_event_source_disable_unref(start->source);
	readiness_free(&start->readiness);
	free(start);
}

/* --- one look --- */

/* Nothing more is to be sealed of it. */
static void end(struct start *start)
{
	(void)programs_disarm(start->starts->on.programs, start->key);
	drop(start);
}

/* From here on what it dlopen()s is told of. */
static bool stay_armed(struct start *start, const struct facts *facts)
{
	struct programs *programs = start->starts->on.programs;
	struct mseald_armed armed;

	if (armed_find(programs, start->key, &armed))
		return true;
	armed = (struct mseald_armed){ .user = facts->policy.user };
	(void)snprintf(armed.exe, sizeof(armed.exe), "%s", facts->exe ?: "");
	return programs_arm(programs, start->key, &armed) >= 0;
}

/* Each once. */
static bool count_unsealed(struct start *start)
{
	if (start->counted)
		return false;
	start->counted = true;
	start->starts->unsealed++;
	return true;
}

/* So many seconds after it was to be sealed; why: a phrase. */
static void tell_overdue(pid_t pid, const char *policy, uint64_t seconds, const char *why)
{
	struct log_fields fields = {};

	log_field(&fields, "OBJECT_PID=%d", (int)pid);
	log_field(&fields, "MSEALD_POLICY=%s", policy);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_NOT_SEALED, &fields,
		  "policy %s: pid %d is not sealed, or not all of it, after %" PRIu64 " s: %s; trying again", policy, (int)pid, seconds,
		  why);
}

static void tell_when_overdue(struct start *start, const struct policy *policy, uint64_t patience, const char *why)
{
	uint64_t waited = now_us(start->starts) - start->looking;

	if (start->phase == PHASE_LOOK && waited > patience && count_unsealed(start))
		tell_overdue(start->pid, policy->name, waited / 1000000, why);
}

/* It is tried again, or not. */
static void tell_not_sealed(pid_t pid, const char *policy, bool again, const struct error *error)
{
	struct log_fields fields = {};

	log_field(&fields, "OBJECT_PID=%d", (int)pid);
	log_field(&fields, "MSEALD_POLICY=%s", policy);
	log_entry(LOG_LEVEL_ERROR, LOG_ABOUT_NOT_SEALED, &fields, "policy %s: %s%s", policy, error->message,
		  again ? "; trying again every few seconds" : "; it stays unsealed");
}

/* Something could not be sealed: said once, tried again; not what could never be by this policy on this kernel. */
static void complain(struct start *start, const struct policy *policy, const struct error *error)
{
	bool again = strcmp(error->name, "Unsupported") != 0;

	if (!start->complained)
		tell_not_sealed(start->pid, policy->name, again, error);
	start->complained = true;
	(void)count_unsealed(start);
	if (again)
		look_after(start, RETRY_US);
	else
		end(start);
}

static uint64_t age_us(const struct start *start)
{
	return (clock_ns(CLOCK_BOOTTIME) - start->began) / 1000;
}

static void tell_sealed_start(const struct start *start, const struct policy *policy, const struct facts *facts,
			      const struct seal_result *result)
{
	char natively[64] = "";

	if (result->native)
		(void)snprintf(natively, sizeof(natively), ", natively %" PRIu64 " us", age_us(start));
	log_debug("policy %s: sealed pid %d (%s): %zu seals, %" PRIu64 " us%s after it began", policy->name, (int)start->pid,
		  facts->exe ?: "?", result->seals, start->sealed, natively);
}

/* What there is of it is sealed, as far as it was ready. */
static void go_on(struct start *start, const struct policy *policy, const struct facts *facts, const struct seal_result *result)
{
	struct programs *programs = start->starts->on.programs;

	if (!start->readiness.through || start->readiness.waiting) {
		tell_when_overdue(start, policy, SETTLE_US + OVERDUE_US, "its loader is not done with all that it has loaded");
		look_after(start, start->pause);
		start->pause = MIN_OF(start->pause * 2, (uint64_t)LAST_PAUSE_US);
		return;
	}
	if (!start->sealed)
		start->sealed = age_us(start);
	if (start->phase == PHASE_LOOK && programs_coverage(programs)->native && policy->gate != POLICY_GATE_BPF) {
		start->phase = PHASE_NATIVE;
		look_after(start, 0);
	} else {
		if (start->phase != PHASE_WATCH)
			tell_sealed_start(start, policy, facts, result);
		if (!policy->dlopen || !stay_armed(start, facts)) {
			end(start);
			return;
		}
		start->phase = PHASE_WATCH;
		start->pause = FIRST_PAUSE_US;
	}
}

static int on_settle(sd_event_source *source, uint64_t now, void *context)
{
	struct starts *starts = context;

	(void)source;
	(void)now;
	space_map_settle(starts->on.space_map);
	return 0;
}

static void tell_readiness(struct start *start, const struct policy *policy)
{
	const struct starts_context *on = &start->starts->on;
	const struct coverage *coverage = programs_coverage(on->programs);
	struct readiness *readiness = &start->readiness;
	bool kills = policy->action == MSEALD_ACTION_DENY && coverage_kills(coverage, MSEALD_STOP_UNMAP);

	readiness->settled = now_us(start->starts) - start->since > SETTLE_US;
	readiness->marked = policy->marked;
	readiness->dlopen = policy->dlopen;
	readiness->late = !(policy->stops & MSEALD_STOP_UNMAP) || policy->action == MSEALD_ACTION_KILL ? LATE_NOT :
			  !kills			       ? LATE_AS_ALL :
			  coverage->native && policy->gate != POLICY_GATE_BPF &&
					  (policy->stops & MSEALD_STOP_DEFAULT) == MSEALD_STOP_DEFAULT ? LATE_NATIVE : LATE_NOT;
	readiness->native_now = start->phase == PHASE_NATIVE;
	readiness->events = on->events;
}

static void seal(struct start *start, const struct policy *policy, const struct facts *facts)
{
	const struct starts_context *on = &start->starts->on;
	const struct coverage *coverage = programs_coverage(on->programs);
	struct seal_request request = {
		.pid = start->pid,
		.space = start->key,
		.policy = policy->name,
		.classes = policy->classes,
		.stops = policy->stops,
		.action = policy->action,
		.readiness = &start->readiness,
		.spared = policy->gate == POLICY_GATE_DENY ? coverage_kills(coverage, policy->stops) : 0,
		.no_native = start->phase != PHASE_NATIVE || policy->gate == POLICY_GATE_BPF,
	};
	struct seal_result result = {};
	struct error error = {};

	tell_readiness(start, policy);
	/* What was dlopen'ed would be left with a seal that lets it be unmapped, and outlives it. */
	request.native_or_nothing = start->phase == PHASE_NATIVE && start->readiness.late == LATE_NATIVE;
	timer_set_if_off(start->starts->settle, SETTLE_STORE_US);
	if (seal_process(on->programs, on->space_map, &request, &result, &error) >= 0 ||
	    strcmp(error.name, "NothingToSeal") == 0 || strcmp(error.name, "NotNative") == 0)
		go_on(start, policy, facts, &result);
	else if (strcmp(error.name, "NoSuchProcess") == 0)
		end(start);
	else if (strcmp(error.name, "Changing") == 0) {
		tell_when_overdue(start, policy, OVERDUE_US, error.message);
		look_after(start, LAST_PAUSE_US);
	} else
		complain(start, policy, &error);
}

static int on_due(sd_event_source *source, uint64_t now, void *context)
{
	struct start *start = context;
	const struct starts_context *on = &start->starts->on;
	_cleanup_(facts_free) struct facts facts = {};
	const struct policy *policy;
	struct mseald_armed armed;
	bool is_armed;
	int r;

	(void)source;
	(void)now;
	is_armed = armed_find(on->programs, start->key, &armed);
	r = facts_read(on->programs, start->pid, is_armed ? &armed : NULL, inforce_wants_marked(on->inforce), &facts);
	if (r == -ENOMEM)
		look_after(start, RETRY_US);
	if (r == -ESRCH)
		end(start);
	if (r < 0)
		return 0;
	if (is_armed && armed.flags & MSEALD_ARMED_FORKED)
		start->readiness.unseen = true;
	policy = policies_match(inforce_policies(on->inforce), &facts.policy, NULL);
	if (policy && is_armed && !start->matched)
		containers_seen(on->containers, policy->name);
	start->matched = true;
	if (!policy || !policy->classes)
		end(start);
	else
		seal(start, policy, &facts);
	return 0;
}

/* --- when to look --- */

void starts_hint(struct starts *starts, const struct mseald_hint *hint)
{
	bool known = starts && *find(starts, hint->space);
	struct start *start = starts ? add(starts, hint->space, (pid_t)hint->pid) : NULL;
	struct readiness *readiness;

	if (!start)
		return;
	readiness = &start->readiness;
	if (!known)
		start->began = hint->time;
	/* Of one that was done with; what it was started with was told before. */
	if (!known && hint->type == MSEALD_EVENT_RELRO)
		readiness->unseen = true;
	if (hint->type == MSEALD_EVENT_RELRO && readiness->hints_count < READINESS_HINTS_MAX)
		readiness->hints[readiness->hints_count++] = hint->address;
	if (start->phase != PHASE_LOOK)
		start->looking = now_us(starts);
	start->phase = PHASE_LOOK;
	start->pause = FIRST_PAUSE_US;
	/* Nothing is there yet, or nothing is done yet: its loader first has to run. */
	look_after(start, FIRST_PAUSE_US);
}

/* Of an address space whose end no program saw; the keys were read before the tasks, so none of these is new. */
static void disarm_gone(struct programs *programs, const uint64_t *keys, size_t keys_count, struct mseald_task *tasks,
			size_t tasks_count)
{
	task_iter_sort_by_key(tasks, tasks_count);
	for (size_t i = 0; i < keys_count; i++) {
		_cleanup_free_ pid_t *pids = NULL;
		size_t count;

		if (task_iter_sharing(tasks, tasks_count, keys[i], &pids, &count) >= 0 && !count)
			(void)programs_disarm(programs, keys[i]);
	}
}

static void look_at_all(struct starts *starts, bool lost)
{
	struct programs *programs = starts->on.programs;
	_cleanup_free_ struct mseald_task *tasks = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count, keys_count;

	if (!inforce_policies(starts->on.inforce)->count || armed_keys(programs, &keys, &keys_count) < 0 ||
	    task_iter_read(programs, 0, &tasks, &count) < 0)
		return;
	disarm_gone(programs, keys, keys_count, tasks, count);
	for (size_t i = 0; i < count; i++) {
		struct start *start;
		bool known;

		if (!task_is_process(&tasks[i]) || tasks[i].pid == (uint32_t)getpid())
			continue;
		/* Of one that is known hints may have been lost. */
		known = *find(starts, tasks[i].key);
		start = add(starts, tasks[i].key, (pid_t)tasks[i].pid);
		if (start && (!known || lost))
			start->readiness.unseen = true;
		if (start && start->phase != PHASE_NATIVE)
			look_after(start, 0);
	}
}

void starts_look_at_all(struct starts *starts)
{
	look_at_all(starts, false);
}

static void forget_gone(struct starts *starts)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct start *start = starts->buckets[i], *next; start; start = next) {
			struct mseald_armed armed;

			next = start->next;
			if (start->phase == PHASE_WATCH && !armed_find(starts->on.programs, start->key, &armed))
				drop(start);
		}
}

void starts_sweep(struct starts *starts, bool lifecycle_missed)
{
	uint64_t lost = programs_state(starts->on.programs)->lost_starts;

	forget_gone(starts);
	if (lost == starts->lost_seen && !lifecycle_missed)
		return;
	if (lost != starts->lost_seen)
		log_debug("%" PRIu64 " hints were lost, looking at every process", lost - starts->lost_seen);
	look_at_all(starts, lost != starts->lost_seen);
	starts->lost_seen = lost;
}

void starts_missed(struct starts *starts, uint64_t key, pid_t pid, const char *policy, uint64_t seconds)
{
	struct start *start = add(starts, key, pid);

	tell_overdue(pid, policy, seconds, "it was not seen starting");
	if (!start)
		return;
	(void)count_unsealed(start);
	start->readiness.unseen = true;
	look_after(start, 0);
}

bool starts_known(const struct starts *starts, uint64_t key)
{
	return *find(starts, key);
}

uint64_t starts_unsealed(const struct starts *starts)
{
	return starts->unsealed;
}

bool starts_pending(const struct starts *starts, uint64_t key)
{
	const struct start *start = *find(starts, key);

	return start && start->phase == PHASE_LOOK;
}

size_t starts_count_pending(const struct starts *starts)
{
	size_t count = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct start *start = starts->buckets[i]; start; start = start->next)
			count += start->phase == PHASE_LOOK;
	return count;
}

int starts_open(const struct starts_context *context, struct starts **ret)
{
	struct starts *starts = calloc(1, sizeof(*starts));
	int r;

	if (!starts)
		return -ENOMEM;
	starts->on = *context;
	starts->lost_seen = programs_state(context->programs)->lost_starts;
	r = timer_add(context->loop, 0, on_settle, starts, &starts->settle);
	if (r < 0) {
		(void)starts_close(starts);
		return r;
	}
	*ret = starts;
	return 0;
}

struct starts *starts_close(struct starts *starts)
{
	if (!starts)
		return NULL;
	for (size_t i = 0; i < BUCKETS; i++)
		while (starts->buckets[i])
			drop(starts->buckets[i]);
	(void)sd_event_source_disable_unref(starts->settle);
	free(starts);
	return NULL;
}
