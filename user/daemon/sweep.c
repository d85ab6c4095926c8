// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See sweep.h. Events say when there is something to tidy up, but can be lost,
 * and the program that sees an address space go can be raced: so while
 * programs are attached a timer looks at a few counters.
 */
#include "sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <string.h>

#include "containers.h"
#include "events.h"
#include "inforce.h"
#include "integrity.h"
#include "log.h"
#include "starts.h"
#include "tasks.h"

#define PERIOD_US (2u * 1000 * 1000)
/*
 * Looks in a row that find nothing sealed, until the programs are detached. That
 * takes the kernel seconds (ftrace waits for all tasks after each: 2.2 s on
 * 6.12, seen), and who attaches meanwhile waits for it: a service that is
 * started again and sealed again must not.
 */
#define IDLE_LOOKS 2
#define KEPT_MEMORY (256u * 1024)	/* bytes of free heap */

/* The same when a user has asked for something: he must not have them attached and detached all the time. */
#define IDLE_LOOKS_USER 30

static unsigned idle_looks, lingers;

static uint64_t sealed_spaces(struct daemon *daemon)
{
	return programs_state(daemon->programs)->sealed;
}

static uint64_t unsettled_forks(struct daemon *daemon)
{
	return programs_state(daemon->programs)->unsettled;
}

/* Entries that hold nothing, once no program can be looking at them. */
static void forget_all(struct daemon *daemon)
{
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count;

	if (store_read_keys(daemon->store, &keys, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		(void)store_forget_space(daemon->store, keys[i]);
}

/* Entries whose address space is gone; their keys are never used again. */
static void forget_stale(struct daemon *daemon)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	size_t keys_count, tasks_count, forgotten = 0;

	/* The keys first: an address space made after that has no key among them. */
	if (store_read_keys(daemon->store, &keys, &keys_count) < 0 ||
	    tasks_read(daemon->programs, 0, &tasks, &tasks_count) < 0)
		return;
	tasks_sort_by_key(tasks, tasks_count);
	for (size_t i = 0; i < keys_count; i++) {
		_cleanup_free_ pid_t *pids = NULL;
		size_t count;

		if (tasks_sharing(tasks, tasks_count, keys[i], &pids, &count) < 0 || count)
			continue;
		if (store_forget_space(daemon->store, keys[i]) >= 0)
			forgotten++;
	}
	if (forgotten)
		log_info("forgot %zu address spaces that are gone", forgotten);
}

/* Without a seal set. */
static uint64_t count_idle_entries(struct daemon *daemon)
{
	volatile const struct mseald_state *state = programs_state(daemon->programs);

	return state->entries - state->sealed - state->unsettled;
}

void sweep_after_failure(struct daemon *daemon)
{
	if (count_idle_entries(daemon))
		forget_stale(daemon);
}

void daemon_tidy(struct daemon *daemon)
{
	idle_looks = 0;
	if (sets_collect(store_sets(daemon->store)) && programs_needs(daemon->programs))
		programs_narrow(daemon->programs, sets_needs(store_sets(daemon->store)) | inforce_needs(daemon->inforce));
}

/* The counter only says when to look: what is attached goes only when nothing needs it. */
static bool is_idle(struct daemon *daemon)
{
	return !inforce_needs(daemon->inforce) && !sealed_spaces(daemon) && !unsettled_forks(daemon) && !store_any_sealed(daemon->store);
}

static void detach(struct daemon *daemon)
{
	programs_detach(daemon->programs);
	forget_all(daemon);
	log_info("nothing is sealed: programs detached");
}

void sweep_linger(void)
{
	lingers = IDLE_LOOKS_USER;
}

static void detach_when_idle(struct daemon *daemon)
{
	if (!is_idle(daemon))
		idle_looks = 0;
	else if (lingers > 0)
		lingers--;
	else if (++idle_looks >= IDLE_LOOKS)
		detach(daemon);
}

void sweep_finish(struct daemon *daemon)
{
	/* Nobody else would ever. */
	if (programs_attached(daemon->programs) && is_idle(daemon))
		detach(daemon);
	if (programs_attached(daemon->programs))
		log_info("ending; what is sealed stays sealed");
}

int sweep_take_over(struct daemon *daemon)
{
	int r;

	if (!store_any_sealed(daemon->store) && (!programs_inherited(daemon->programs) || is_idle(daemon))) {
		programs_detach(daemon->programs);
		forget_all(daemon);
		return 0;
	}
	r = programs_attach(daemon->programs, sets_needs(store_sets(daemon->store)));
	if (r < 0) {
		log_error("cannot take over what is in force; the earlier programs, if any, stay attached");
		return r;
	}
	store_settle_all(daemon->store);
	forget_stale(daemon);
	integrity_check(daemon);	/* what slipped while nobody watched */
	(void)integrity_end_doomed(daemon);
	log_info("took over %" PRIu64 " sealed address spaces", sealed_spaces(daemon));
	return 0;
}

/* What loading the programs or a burst of requests took; the C library would keep it. */
static void give_memory_back(void)
{
	if (mallinfo2().fordblks > KEPT_MEMORY)
		(void)malloc_trim(0);
}

#define QUIET_LOOKS 30	/* a minute without another line on forks */

/* Accounts without a place are forgotten; and forks that found none are told of. */
static void look_at_places(struct daemon *daemon)
{
	static uint64_t refused_seen;
	static unsigned quiet;
	uint64_t refused = programs_state(daemon->programs)->forks_refused;

	store_forget_accounts(daemon->store);
	if (quiet) {
		quiet--;
		return;
	}
	if (refused <= refused_seen)
		return;
	log_warning("%" PRIu64 " forks of sealed processes were refused (EAGAIN): their user, or all users together, have as many "
		    "sealed address spaces as they can have; mseald --user-spaces= sets how many one can", refused - refused_seen);
	refused_seen = refused;
	quiet = QUIET_LOOKS;
}

static int on_timer(sd_event_source *source, uint64_t now, void *context)
{
	static uint64_t lifecycle_seen, all_seen, idle_entries_seen;
	struct daemon *daemon = context;
	uint64_t lifecycle, all, idle_entries;

	containers_sweep(daemon->containers);
	if (programs_attached(daemon->programs)) {
		all = programs_misses(daemon->programs, &lifecycle);
		/* Of what is alive and not sealed any more, or of what ended just when it was sealed. */
		idle_entries = count_idle_entries(daemon);
		if (lifecycle != lifecycle_seen || (idle_entries && idle_entries != idle_entries_seen))
			forget_stale(daemon);
		idle_entries_seen = count_idle_entries(daemon);
		starts_sweep(daemon->starts, lifecycle != lifecycle_seen);
		if (all != all_seen)
			integrity_check(daemon);
		lifecycle_seen = lifecycle;
		all_seen = all;
		look_at_places(daemon);
		events_end_doomed(daemon->events);
		detach_when_idle(daemon);
		(void)sets_collect(store_sets(daemon->store));
		sets_trim(store_sets(daemon->store));
	}
	give_memory_back();
	(void)sd_event_source_set_time(source, now + PERIOD_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int sweep_start(struct daemon *daemon)
{
	uint64_t now;
	int r;

	r = sd_event_now(daemon->loop, CLOCK_MONOTONIC, &now);
	if (r < 0)
		return r;
	return sd_event_add_time(daemon->loop, NULL, CLOCK_MONOTONIC, now + PERIOD_US, PERIOD_US / 5, on_timer,
				 daemon);
}
