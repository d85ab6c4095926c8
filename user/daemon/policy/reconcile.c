// SPDX-License-Identifier: LGPL-2.1-or-later
/* See reconcile.h. */
#include "policy/reconcile.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/timer.h"
#include "bpf/task_iter.h"
#include "lib/base/clock.h"
#include "policy/exec_facts.h"
#include "policy/policy_seal.h"
#include "policy/watched.h"
#include "seal/seal.h"

#define BUCKETS 1024
#define FIRST_PAUSE_US 1000u
#define LAST_PAUSE_US (250u * 1000)
#define RETRY_US (5u * 1000 * 1000)
/* After this time the daemon completes the seals of the kernel; earlier, if it makes them native. */
#define COMPLETE_AFTER_US (2u * 1000 * 1000)
/* A process not sealed after this time is reported. If its loader may be at work, Settle= is added. */
#define OVERDUE_US (5u * 1000 * 1000)

enum phase {
	PHASE_LOOK,   /* part of it is not sealed yet */
	PHASE_NATIVE, /* all is sealed; next by mseal(2), too */
	PHASE_WATCH,  /* also seal objects loaded from now on */
};

struct pending {
	struct pending *next;
	struct reconcile *reconcile;
	struct timer timer;
	uint64_t key;
	pid_t pid;
	uint64_t looking;   /* microseconds, CLOCK_MONOTONIC: something to be sealed since then */
	uint64_t began;	    /* nanoseconds, CLOCK_BOOTTIME: its exec, or when it was found */
	uint64_t sealed;    /* microseconds from then until everything ready was sealed */
	uint64_t finishing; /* nanoseconds, CLOCK_BOOTTIME: a look found it so (readiness.h) */
	uint64_t pause;
	enum phase phase;
	bool matched; /* has been looked at */
	bool complained;
	bool counted;	/* counted as not sealed in time */
	unsigned start; /* enum left: why the kernel left part of its start */
	unsigned left;	/* the same at the last look, for parts not sealed yet */
	bool watched;	/* the kernel removes its key when it is gone */
	bool sealing;	/* events are handled meanwhile (readiness_judge()); one may be of a later process */
	bool dropped;	/* so it was no longer current, and is freed afterwards */
	struct readiness readiness;
};

struct reconcile {
	struct reconcile_context on;
	struct pending *buckets[BUCKETS];
	uint64_t lost_seen;
	uint64_t unsealed; /* processes not sealed in time */
	struct reconcile_late late;
	struct mseald_task *looked; /* all threads at the last look at all processes, ordered by key */
	size_t looked_count;
};

static void on_due(void *context);

static uint64_t now_us(struct reconcile *reconcile)
{
	uint64_t now = 0;

	(void)sd_event_now(reconcile->on.loop, CLOCK_MONOTONIC, &now);
	return now;
}

/* --- the list --- */

static struct pending **find(const struct reconcile *reconcile, uint64_t key)
{
	struct pending **at = (struct pending **)&reconcile->buckets[key % BUCKETS];

	while (*at && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

static void look_after(struct pending *pending, uint64_t pause)
{
	/* Native sealing only makes calls faster, so it runs when the daemon is idle. */
	(void)sd_event_source_set_priority(pending->timer.source, pending->phase == PHASE_NATIVE ?
									  SD_EVENT_PRIORITY_IDLE :
									  SD_EVENT_PRIORITY_NORMAL);
	(void)timer_set(&pending->timer, pause);
}

static void pending_free(struct pending *pending)
{
	timer_close(&pending->timer);
	readiness_free(&pending->readiness);
	free(pending);
}

static void drop(struct pending *pending)
{
	struct pending **at = find(pending->reconcile, pending->key);

	*at = pending->next;
	if (pending->sealing)
		pending->dropped = true;
	else
		pending_free(pending);
}

/*
 * Is it about what has the key now? Where keys return, that may be another process by now, or a later program
 * of the same one.
 */
static bool is_current(const struct pending *pending)
{
#ifdef MSEALD_KEYS_RETURN
	struct programs *programs = pending->reconcile->on.programs;
	struct mseald_watched watched;

	return task_iter_key_of(programs, pending->pid) == pending->key &&
	       !(watched_find(programs, pending->key, &watched) && watched.since > pending->began);
#else
	(void)pending;
	return true;
#endif
}

/* What is known of the address space that has the key now; NULL: nothing. */
static struct pending *find_current(struct reconcile *reconcile, uint64_t key)
{
	struct pending *pending = *find(reconcile, key);

	if (!pending || is_current(pending))
		return pending;
	drop(pending);
	return NULL;
}

/* Adds what find_current() does not find. NULL: no memory. */
static struct pending *add(struct reconcile *reconcile, uint64_t key, pid_t pid)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (!pending)
		return NULL;
	*pending = (struct pending){
		.next = reconcile->buckets[key % BUCKETS],
		.reconcile = reconcile,
		.key = key,
		.pid = pid,
		.looking = now_us(reconcile),
		.began = clock_ns(CLOCK_BOOTTIME),
		.pause = FIRST_PAUSE_US,
		.start = LEFT_NOTHING,
		.left = LEFT_NOTHING,
	};
	if (timer_open(&pending->timer, reconcile->on.loop, 1, on_due, pending) < 0) {
		free(pending);
		return NULL;
	}
	reconcile->buckets[key % BUCKETS] = pending;
	return pending;
}

/* --- one look --- */

/* Nothing more of the process is to be sealed. */
static void end(struct pending *pending)
{
	(void)programs_run(pending->reconcile->on.programs, TOOL_UNWATCH, pending->key, pending->began);
	drop(pending);
}

/* From here on the kernel reports objects that it loads by dlopen(). */
static bool stay_watched(struct pending *pending, const struct exec_facts *facts)
{
	struct programs *programs = pending->reconcile->on.programs;
	struct mseald_watched watched;

	if (!watched_find(programs, pending->key, &watched)) {
		watched = (struct mseald_watched){ .user = facts->policy.user };
		FORMAT(watched.exe, "%s", facts->exe ?: "");
	} else if (watched.flags & MSEALD_WATCHED_KERNEL) {
		/* Others start, too: it is to make room for them. */
		watched.flags = (watched.flags & ~MSEALD_WATCHED_KERNEL) | MSEALD_WATCHED_STARTED;
	} else {
		return pending->watched = true;
	}
	return pending->watched = programs_watch(programs, pending->key, &watched) >= 0;
}

/*
 * Part of it is not sealed. If mseal(2) was to be called at the first look (seals_natively_at_once()), all
 * else comes first now, and counts as pending.
 */
static void look_again(struct pending *pending, unsigned left, uint64_t pause)
{
	if (!pending->sealed)
		pending->phase = PHASE_LOOK;
	pending->left = left;
	look_after(pending, pause);
}

/* Counts each process once. */
static bool count_unsealed(struct pending *pending)
{
	if (pending->counted)
		return false;
	pending->counted = true;
	pending->reconcile->unsealed++;
	return true;
}

/* seconds: since the process should have been sealed; why: a phrase. */
static void log_overdue(pid_t pid, const char *policy, uint64_t seconds, const char *why)
{
	struct log_fields fields = {};

	log_field(&fields, "OBJECT_PID=%d", pid);
	log_field(&fields, "MSEALD_POLICY=%s", policy);
	log_entry(LOG_LEVEL_WARNING, LOG_ABOUT_NOT_SEALED, &fields,
		  "policy %s: pid %d is not fully sealed after %" PRIu64 " s: %s; trying again", policy, pid,
		  seconds, why);
}

static void log_when_overdue(struct pending *pending, const struct policy *policy, uint64_t patience,
			     const char *why)
{
	uint64_t waited = now_us(pending->reconcile) - pending->looking;

	if (pending->phase == PHASE_LOOK && waited > patience && count_unsealed(pending))
		log_overdue(pending->pid, policy->name, waited / 1000000, why);
}

/* again: whether the daemon tries again. */
static void log_not_sealed(pid_t pid, const char *policy, bool again, const struct error *error)
{
	struct log_fields fields = {};

	log_field(&fields, "OBJECT_PID=%d", pid);
	log_field(&fields, "MSEALD_POLICY=%s", policy);
	log_entry(LOG_LEVEL_ERROR, LOG_ABOUT_NOT_SEALED, &fields, "policy %s: %s%s", policy, error->message,
		  again ? "; trying again every few seconds" : "; the process stays unsealed");
}

/*
 * A part could not be sealed: logged once, and tried again, unless this policy can never be applied on this
 * kernel.
 */
static void complain(struct pending *pending, const struct policy *policy, const struct error *error)
{
	bool again = strcmp(error->name, "Unsupported") != 0;

	if (!pending->complained)
		log_not_sealed(pending->pid, policy->name, again, error);
	pending->complained = true;
	(void)count_unsealed(pending);
	if (again)
		look_again(pending, strcmp(error->name, "Traced") == 0 ? LEFT_TRACED : LEFT_FAILED, RETRY_US);
	else
		end(pending);
}

static uint64_t age_us(const struct pending *pending)
{
	return (clock_ns(CLOCK_BOOTTIME) - pending->began) / 1000;
}

static void log_sealed_start(const struct pending *pending, const struct policy *policy,
			     const struct exec_facts *facts, const struct seal_result *result)
{
	char natively[64] = "";

	if (result->native)
		FORMAT(natively, ", natively %" PRIu64 " us", age_us(pending));
	log_debug("policy %s: sealed pid %d (%s): %zu seals, %" PRIu64 " us%s after its start", policy->name,
		  pending->pid, facts->exe ?: "?", result->seals, pending->sealed, natively);
}

const uint32_t reconcile_bounds[RECONCILE_DELAYS] = {
	1000, 3000, 10000, 30000, 100000, 300000, 1000000, 3000000, 10000000, 30000000, 60000000,
};

/* Counts a start once it is sealed. If the process was found later, the time of its start is unknown. */
static void count_late(const struct pending *pending)
{
	struct reconcile_late *late = &pending->reconcile->late;
	size_t i = 0;

	if (pending->start >= LEFT_START_COUNT)
		return;
	late->processes[pending->start]++;
	if (pending->start == LEFT_FOUND)
		return;
	while (i < RECONCILE_DELAYS && pending->sealed > reconcile_bounds[i])
		i++;
	late->delays[i]++;
	late->delays_us += pending->sealed;
}

/* Will mseal(2) be called for this policy at some time? Not for the daemon, which cannot trace itself. */
static bool wants_native(const struct pending *pending, const struct policy *policy)
{
	const struct reconcile_context *on = &pending->reconcile->on;

	return programs_coverage(on->programs)->native && policy->seal.gate != POLICY_GATE_BPF &&
	       plan_can_be_native(&policy->seal) && on->config->native_after != CONFIG_NEVER &&
	       pending->pid != getpid();
}

/* Schedules native sealing for when the process has existed for NativeAfter=. */
static void go_native(struct pending *pending)
{
	uint64_t after = pending->reconcile->on.config->native_after, age = age_us(pending);

	pending->phase = PHASE_NATIVE;
	look_after(pending, age < after ? after - age : 0);
}

/* Continues when all parts that were ready are sealed. */
static void go_on(struct pending *pending, const struct policy *policy, const struct exec_facts *facts,
		  const struct seal_result *result)
{
	if (!pending->readiness.through || pending->readiness.waiting) {
		log_when_overdue(pending, policy, pending->reconcile->on.config->settle + OVERDUE_US,
				 "its loader is not done with all loaded objects");
		look_again(pending, LEFT_SETTLE, pending->pause);
		pending->pause = MIN_OF(pending->pause * 2,
					(uint64_t)(pending->readiness.settled ? RETRY_US : LAST_PAUSE_US));
		return;
	}
	pending->left = LEFT_NOTHING;
	if (!pending->sealed) {
		pending->sealed = age_us(pending);
		count_late(pending);
	}
	if (pending->phase == PHASE_LOOK && wants_native(pending, policy)) {
		go_native(pending);
	} else {
		if (pending->phase != PHASE_WATCH)
			log_sealed_start(pending, policy, facts, result);
		if (!policy->seal.dlopen || !stay_watched(pending, facts)) {
			end(pending);
			return;
		}
		pending->phase = PHASE_WATCH;
		pending->pause = FIRST_PAUSE_US;
	}
}

static void set_readiness(struct pending *pending, const struct policy *policy)
{
	const struct reconcile_context *on = &pending->reconcile->on;
	const struct coverage *coverage = programs_coverage(on->programs);
	struct readiness *readiness = &pending->readiness;
	bool kills = policy->seal.action == MSEALD_ACTION_DENY && coverage_kills(coverage, MSEALD_DENY_UNMAP);
	uint64_t now = clock_ns(CLOCK_BOOTTIME);

	if (readiness->finishing && !pending->finishing)
		pending->finishing = now;
	readiness->settled = age_us(pending) > on->config->settle;
	readiness->rested = pending->finishing && now - pending->finishing > on->config->settle * 1000;
	readiness->marked = policy->marked;
	readiness->dlopen = policy->seal.dlopen;
	readiness->late = !(policy->seal.deny & MSEALD_DENY_UNMAP) ||
					  policy->seal.action == MSEALD_ACTION_KILL ?
				  LATE_NOT :
			  wants_native(pending, policy) ? LATE_NATIVE :
			  kills				? LATE_NOT :
							  LATE_AS_ALL;
	readiness->kills_32 = policy_seal_kills_32(coverage, policy);
	readiness->native_now = pending->phase == PHASE_NATIVE;
	readiness->events = on->events;
}

unsigned reconcile_spared(const struct coverage *coverage, const struct policy *policy, pid_t pid)
{
	unsigned deny = policy->seal.deny, spared = 0;

	if (policy->seal.gate == POLICY_GATE_DENY)
		spared |= coverage_kills(coverage, deny);
	if (pid == 1 && policy->seal.action == MSEALD_ACTION_DENY)
		spared |= coverage_kill_only(coverage, deny);
	return spared;
}

static void seal(struct pending *pending, const struct policy *policy, const struct exec_facts *facts)
{
	const struct reconcile_context *on = &pending->reconcile->on;
	const struct coverage *coverage = programs_coverage(on->programs);
	struct seal_request request = {
		.pid = pending->pid,
		.space = pending->key,
		.policy = policy->name,
		.seal = policy->seal,
		.readiness = &pending->readiness,
		.spared = reconcile_spared(coverage, policy, pending->pid),
		.no_native = pending->phase != PHASE_NATIVE || policy->seal.gate == POLICY_GATE_BPF,
	};
	struct seal_result result = {};
	struct error error = {};
	int r;

	set_readiness(pending, policy);
	/*
	 * Otherwise a dlopen'ed object would be left with a seal that permits its unmapping, and the seal
	 * would outlive it.
	 */
	request.native_or_nothing = pending->phase == PHASE_NATIVE && pending->readiness.late == LATE_NATIVE;
	pending->sealing = true;
	r = seal_process(on->programs, on->space_map, &request, &result, &error);
	pending->sealing = false;
	if (pending->dropped)
		pending_free(pending);
	else if (r >= 0 || strcmp(error.name, "NothingToSeal") == 0 || strcmp(error.name, "NotNative") == 0)
		go_on(pending, policy, facts, &result);
	else if (strcmp(error.name, "NoSuchProcess") == 0)
		end(pending);
	else if (strcmp(error.name, "Changing") == 0) {
		log_when_overdue(pending, policy, OVERDUE_US, error.message);
		look_again(pending, MSEALD_LEFT_CHANGED, LAST_PAUSE_US);
	} else
		complain(pending, policy, &error);
}

/* Forks, and processes sealed by an earlier daemon, already have seals: they were not late. */
static unsigned left_of_start(const struct pending *pending, const struct mseald_watched *watched)
{
	const struct reconcile_context *on = &pending->reconcile->on;
	unsigned left = left_by_kernel(on->programs, pending->key, pending->pid, watched);
	struct mseald_space space;

	return (watched && watched->flags & MSEALD_WATCHED_FORKED) ||
			       (left > LEFT_RELRO &&
				space_map_read_space(on->space_map, pending->key, &space) >= 0) ?
		       LEFT_NOTHING :
		       left;
}

static void on_due(void *context)
{
	struct pending *pending = context;
	const struct reconcile_context *on = &pending->reconcile->on;
	_cleanup_(exec_facts_free) struct exec_facts facts = {};
	const struct policy *policy;
	struct mseald_watched watched;
	bool is_watched;
	int r;

	is_watched = watched_find(on->programs, pending->key, &watched);
	/* What is watched is not to be ended in its place. */
	if (!is_current(pending)) {
		drop(pending);
		return;
	}
	pending->watched = is_watched;
	if (is_watched && watched.since)
		pending->began = watched.since;
	r = exec_facts_read(on->programs, pending->pid, is_watched ? &watched : NULL,
			    active_wants_marked(on->active), &facts);
	if (r == -ENOMEM)
		look_after(pending, RETRY_US);
	if (r == -ESRCH)
		end(pending);
	if (r < 0)
		return;
	/* What the kernel seals of a start causes no relro event. */
	if (is_watched && watched.flags & (MSEALD_WATCHED_FORKED | MSEALD_WATCHED_KERNEL))
		pending->readiness.unseen = true;
	if (!pending->matched)
		pending->start = left_of_start(pending, is_watched ? &watched : NULL);
	policy = active_match(on->active, is_watched ? &watched : NULL, &facts.policy);
	if (policy && is_watched && !pending->matched)
		containers_seen(on->containers, policy->name);
	pending->matched = true;
	if (!policy || !policy->seal.segments)
		end(pending);
	else
		seal(pending, policy, &facts);
}

/* --- when to look --- */

void reconcile_exec_event(struct reconcile *reconcile, const struct mseald_exec_event *event)
{
	struct pending *pending = reconcile ? find_current(reconcile, event->space) : NULL;
	bool known = pending;
	struct readiness *readiness;

	if (reconcile && !known)
		pending = add(reconcile, event->space, event->pid);
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
		pending->looking = now_us(reconcile);
	pending->phase = PHASE_LOOK;
	pending->pause = FIRST_PAUSE_US;
	/* Its loader has to run first: nothing is mapped, or nothing is relocated yet. */
	look_after(pending, FIRST_PAUSE_US);
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
	const struct reconcile_context *on = &reconcile->on;
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
	       !(watched_loading(reconcile->on.programs, key) &
		 (MSEALD_LOADING_PROGRAM | MSEALD_LOADING_DONE)) &&
	       clock_ns(CLOCK_BOOTTIME) < watched->since + reconcile->on.config->settle * 1000;
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
	struct programs *programs = reconcile->on.programs;
	_cleanup_free_ struct mseald_task *tasks = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	uint64_t read = clock_ns(CLOCK_BOOTTIME);
	struct mseald_watched watched;
	size_t count, keys_count;

	if (!active_policies(reconcile->on.active)->count || watched_keys(programs, &keys, &keys_count) < 0 ||
	    task_iter_read(programs, 0, &tasks, &count) < 0)
		return;
	unwatch_gone(programs, keys, keys_count, tasks, count, read);
	for (size_t i = 0; i < count; i++) {
		struct pending *pending;
		bool known;

		if (!task_is_process(&tasks[i]) ||
		    (occasion == OCCASION_MISSED && was_looked_at(reconcile, tasks[i].key)))
			continue;
		pending = find_current(reconcile, tasks[i].key);
		known = pending;
		if (!known && watched_find(programs, tasks[i].key, &watched) &&
		    (occasion == OCCASION_MISSED ? is_kernels(reconcile, tasks[i].key, &watched) :
						   is_starting(reconcile, tasks[i].key, &watched)))
			continue;
		if (!known)
			pending = add(reconcile, tasks[i].key, tasks[i].pid);
		/* Events of a known process may have been lost. */
		if (pending && (!known || occasion == OCCASION_LOST))
			pending->readiness.unseen = true;
		if (!pending)
			continue;
		/*
		 * A process may wait long for mseal(2): by now the policy may want more, or an event was
		 * lost.
		 */
		if (pending->phase == PHASE_NATIVE) {
			pending->phase = PHASE_LOOK;
			pending->looking = now_us(reconcile);
		}
		look_after(pending, 0);
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
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct pending *pending = reconcile->buckets[i], *next; pending; pending = next) {
			struct mseald_watched watched;

			next = pending->next;
			if (pending->phase != PHASE_LOOK && pending->watched &&
			    !watched_find(reconcile->on.programs, pending->key, &watched))
				drop(pending);
		}
}

/*
 * Has the kernel sealed all of its start, and is it time for mseal(2)? Then one look is enough. Not where an
 * object from dlopen(3) must be sealed by mseal(2) or not at all: the rest must not depend on that.
 */
static bool seals_natively_at_once(const struct pending *pending, const struct mseald_watched *watched)
{
	const struct reconcile_context *on = &pending->reconcile->on;
	const struct policy *policy = active_decided(on->active, watched);

	return policy && wants_native(pending, policy) &&
	       (!policy->seal.dlopen || policy_seal_late(programs_coverage(on->programs), policy)) &&
	       clock_ns(CLOCK_BOOTTIME) >= watched->since + on->config->native_after * 1000 &&
	       left_by_kernel(on->programs, pending->key, pending->pid, watched) == LEFT_NOTHING;
}

/* Takes up processes that the kernel has sealed without an event, and that are still running. */
static void take_up(struct reconcile *reconcile)
{
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count;

	if (watched_keys(reconcile->on.programs, &keys, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		struct mseald_watched watched;
		struct pending *pending;

		if (find_current(reconcile, keys[i]) ||
		    !watched_find(reconcile->on.programs, keys[i], &watched) ||
		    !(watched.flags & MSEALD_WATCHED_KERNEL) || is_kernels(reconcile, keys[i], &watched))
			continue;
		pending = add(reconcile, keys[i], (pid_t)watched.pid);
		if (!pending)
			return;
		pending->readiness.unseen = true;
		if (seals_natively_at_once(pending, &watched))
			pending->phase = PHASE_NATIVE;
		look_after(pending, 0);
	}
}

void reconcile_tick(struct reconcile *reconcile, bool lifecycle_missed)
{
	uint64_t lost = programs_state(reconcile->on.programs)->lost_exec_events;

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
	struct pending *pending = find_current(reconcile, key) ?: add(reconcile, key, pid);

	log_overdue(pid, policy, seconds, "its start was not seen");
	if (!pending)
		return;
	(void)count_unsealed(pending);
	pending->readiness.unseen = true;
	look_after(pending, 0);
}

bool reconcile_known(const struct reconcile *reconcile, uint64_t key)
{
	return *find(reconcile, key);
}

uint64_t reconcile_unsealed(const struct reconcile *reconcile)
{
	return reconcile->unsealed;
}

const struct reconcile_late *reconcile_late(const struct reconcile *reconcile)
{
	return &reconcile->late;
}

unsigned reconcile_left(const struct reconcile *reconcile, uint64_t key)
{
	const struct pending *pending = *find(reconcile, key);

	return pending ? pending->left : LEFT_NOTHING;
}

bool reconcile_pending(const struct reconcile *reconcile, uint64_t key)
{
	const struct pending *pending = *find(reconcile, key);

	return pending && pending->phase == PHASE_LOOK;
}

size_t reconcile_count_pending(const struct reconcile *reconcile)
{
	size_t count = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct pending *pending = reconcile->buckets[i]; pending; pending = pending->next)
			count += pending->phase == PHASE_LOOK;
	return count;
}

int reconcile_open(const struct reconcile_context *context, struct reconcile **ret)
{
	struct reconcile *reconcile = calloc(1, sizeof(*reconcile));

	if (!reconcile)
		return -ENOMEM;
	reconcile->on = *context;
	reconcile->lost_seen = programs_state(context->programs)->lost_exec_events;
	*ret = reconcile;
	return 0;
}

void reconcile_close(struct reconcile *reconcile)
{
	if (!reconcile)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (reconcile->buckets[i])
			drop(reconcile->buckets[i]);
	free(reconcile->looked);
	free(reconcile);
}
