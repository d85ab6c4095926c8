// SPDX-License-Identifier: LGPL-2.1-or-later
/* See look.h. */
#include "policy/look.h"

#include <inttypes.h>

#include "base/log.h"
#include "lib/base/clock.h"
#include "policy/exec_facts.h"
#include "policy/pending.h"
#include "policy/policy_seal.h"
#include "policy/watched.h"
#include "process/reader.h"
#include "seal/seal.h"

#define LAST_PAUSE_US (250u * 1000)
#define RETRY_US (5u * 1000 * 1000)
/* A process not sealed after this time is reported. If its loader may be at work, Settle= is added. */
#define OVERDUE_US (5u * 1000 * 1000)

/* Nothing more of the process is to be sealed. */
static void end(struct pending *pending)
{
	(void)programs_run(pending->list->on.programs, TOOL_UNWATCH, pending->key, pending->began);
	pending_drop(pending);
}

/* From here on the kernel reports objects that it loads by dlopen(). */
static bool stay_watched(struct pending *pending, const struct exec_facts *facts)
{
	struct programs *programs = pending->list->on.programs;
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
 * Part of it is not sealed. If mseal(2) was to be called at the first look (seals_natively_at_once() of
 * reconcile.c), all else comes first now, and counts as pending.
 */
static void look_again(struct pending *pending, unsigned left, uint64_t pause)
{
	if (!pending->sealed)
		pending->phase = PHASE_LOOK;
	pending->left = left;
	pending_look_after(pending, pause);
}

void look_log_overdue(pid_t pid, const char *policy, uint64_t seconds, const char *why)
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
	uint64_t waited = pending_now_us(pending->list) - pending->looking;

	if (pending->phase == PHASE_LOOK && waited > patience && pending_count_unsealed(pending))
		look_log_overdue(pending->pid, policy->name, waited / 1000000, why);
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
	(void)pending_count_unsealed(pending);
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

bool look_wants_native(const struct pending *pending, const struct policy *policy)
{
	const struct policy_context *on = &pending->list->on;

	return programs_coverage(on->programs)->native && policy->seal.gate != POLICY_GATE_BPF &&
	       plan_can_be_native(&policy->seal) && on->config->native_after != CONFIG_NEVER &&
	       pending->pid != getpid() && !reader_is(pending->pid);
}

/* Schedules native sealing for when the process has existed for NativeAfter=. */
static void go_native(struct pending *pending)
{
	uint64_t after = pending->list->on.config->native_after, age = age_us(pending);

	pending->phase = PHASE_NATIVE;
	pending_look_after(pending, age < after ? after - age : 0);
}

/* Continues when all parts that were ready are sealed. */
static void go_on(struct pending *pending, const struct policy *policy, const struct exec_facts *facts,
		  const struct seal_result *result)
{
	if (!pending->readiness.through || pending->readiness.waiting) {
		log_when_overdue(pending, policy, pending->list->on.config->settle + OVERDUE_US,
				 "its loader is not done with all loaded objects");
		look_again(pending, LEFT_SETTLE, pending->pause);
		pending->pause = MIN_OF(pending->pause * 2,
					(uint64_t)(pending->readiness.settled ? RETRY_US : LAST_PAUSE_US));
		return;
	}
	pending->left = LEFT_NOTHING;
	if (!pending->sealed) {
		pending->sealed = age_us(pending);
		late_count(&pending->list->late, pending->start, pending->sealed);
	}
	if (pending->phase == PHASE_LOOK && look_wants_native(pending, policy)) {
		go_native(pending);
	} else {
		if (pending->phase != PHASE_WATCH)
			log_sealed_start(pending, policy, facts, result);
		if (!policy->seal.dlopen || !stay_watched(pending, facts)) {
			end(pending);
			return;
		}
		pending->phase = PHASE_WATCH;
		pending->pause = PENDING_FIRST_PAUSE_US;
	}
}

static void set_readiness(struct pending *pending, const struct policy *policy)
{
	const struct policy_context *on = &pending->list->on;
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
			  look_wants_native(pending, policy) ? LATE_NATIVE :
			  kills				     ? LATE_NOT :
							       LATE_AS_ALL;
	readiness->kills_32 = policy_seal_kills_32(coverage, policy);
	readiness->native_now = pending->phase == PHASE_NATIVE;
	readiness->events = on->events;
}

static void seal(struct pending *pending, const struct policy *policy, const struct exec_facts *facts)
{
	const struct policy_context *on = &pending->list->on;
	const struct coverage *coverage = programs_coverage(on->programs);
	struct seal_request request = {
		.pid = pending->pid,
		.space = pending->key,
		.policy = policy->name,
		.seal = policy->seal,
		.readiness = &pending->readiness,
		.spared = policy_seal_spared(coverage, policy, pending->pid),
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
	pending_hold(pending);
	r = seal_process(on->programs, on->space_map, &request, &result, &error);
	if (!pending_unhold(pending))
		return;
	if (r >= 0 || strcmp(error.name, "NothingToSeal") == 0 || strcmp(error.name, "NotNative") == 0)
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
	const struct policy_context *on = &pending->list->on;
	unsigned left = left_by_kernel(on->programs, pending->key, pending->pid, watched);
	struct mseald_space space;

	return (watched && watched->flags & MSEALD_WATCHED_FORKED) ||
			       (left > LEFT_RELRO &&
				space_map_read_space(on->space_map, pending->key, &space) >= 0) ?
		       LEFT_NOTHING :
		       left;
}

void look_at_process(void *context)
{
	struct pending *pending = context;
	const struct policy_context *on = &pending->list->on;
	_cleanup_(exec_facts_free) struct exec_facts facts = {};
	const struct policy *policy;
	struct mseald_watched watched;
	bool is_watched;
	int r;

	is_watched = watched_find(on->programs, pending->key, &watched);
	/* What is watched is not to be ended in its place. */
	if (!pending_is_current(pending)) {
		pending_drop(pending);
		return;
	}
	pending->watched = is_watched;
	if (is_watched && watched.since)
		pending->began = watched.since;
	r = exec_facts_read(on->programs, pending->pid, is_watched ? &watched : NULL,
			    active_wants_marked(on->active), &facts);
	if (r == -ENOMEM)
		pending_look_after(pending, RETRY_US);
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
