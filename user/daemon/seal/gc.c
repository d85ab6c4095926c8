// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See gc.h. Events report unused objects, but can be lost, and the program that sees an address space end can
 * be raced. So while programs are attached, a timer checks a few counters.
 */
#include "seal/gc.h"

#include <inttypes.h>
#include <bpf/bpf.h>
#include <malloc.h>

#include "base/log.h"
#include "bpf/bpffs.h"
#include "bpf/task_iter.h"
#include "process/reader.h"
#include "seal/set_pool.h"

#define SOON_US (100u * 1000)
/*
 * Number of idle looks in a row before the programs are detached. Detaching takes the kernel seconds (ftrace
 * waits for all tasks after each: 2.2 s on 6.12, seen), and attaching waits for it. A service that is
 * restarted and sealed again must not wait.
 */
#define IDLE_LOOKS 2
/* The same after a request of a user: users must not have programs attached and detached all the time. */
#define IDLE_LOOKS_USER 30

#define KEPT_MEMORY (256u * 1024) /* bytes of free heap */
#define TRIM_LOOKS 30		  /* a minute */

/* Removes entries without contents, once no program can be reading them. */
static void forget_all(struct gc *gc)
{
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count;

	if (space_map_read_keys(gc->space_map, &keys, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		(void)space_map_forget_space(gc->space_map, keys[i], 0, NULL);
}

/* Removes entries whose address space is gone. */
static void forget_stale(struct gc *gc)
{
	_cleanup_free_ struct mseald_space *spaces = NULL;
	_cleanup_free_ struct mseald_task *tasks = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	size_t keys_count, tasks_count, forgotten = 0;
	uint64_t missed, missed_since;

	(void)programs_misses(gc->programs, &missed);
	/* Entries are read first: an address space made later has none of these. */
	if (space_map_read_spaces(gc->space_map, &keys, &spaces, &keys_count) < 0 ||
	    task_iter_read_by_key(gc->programs, &tasks, &tasks_count) < 0)
		return;
	/* A skipped program may have been task_newtask, which counts tasks that begin to share memory. */
	(void)programs_misses(gc->programs, &missed_since);
	for (size_t i = 0; i < keys_count && missed == missed_since; i++)
		if (!task_iter_find(tasks, tasks_count, keys[i]) &&
		    space_map_forget_space(gc->space_map, keys[i], MSEALD_SPACE_BORN(&spaces[i]),
					   &spaces[i]) >= 0)
			forgotten++;
	if (forgotten)
		log_debug("removed %zu address spaces that no longer exist", forgotten);
}

/* Entries without a seal set. */
static uint64_t count_idle_entries(struct gc *gc)
{
	volatile const struct mseald_state *state = programs_state(gc->programs);

	return state->entries - state->sealed - state->pending_forks;
}

void gc_after_failure(struct gc *gc)
{
	if (count_idle_entries(gc))
		forget_stale(gc);
}

/* Frees sets without references, and detaches programs that only they needed. */
static void collect_sets(struct gc *gc)
{
	if (set_map_collect(gc->space_map->sets) && programs_needs(gc->programs))
		programs_detach_unused(gc->programs, set_map_needs(gc->space_map->sets));
}

void gc_collect(struct gc *gc)
{
	gc->idle_looks = 0;
	collect_sets(gc);
}

static void on_soon(void *context)
{
	gc_collect(context);
}

void gc_collect_soon(struct gc *gc)
{
	timer_set_if_off(&gc->soon, SOON_US);
}

/* The counter only says when to check: programs are detached only when nothing needs them. */
static bool is_idle(struct gc *gc)
{
	volatile const struct mseald_state *state = programs_state(gc->programs);

	return !programs_needed(gc->programs) && !state->sealed && !state->pending_forks &&
	       !space_map_any_sealed(gc->space_map);
}

static void detach(struct gc *gc)
{
	programs_detach(gc->programs);
	forget_all(gc);
	log_info("nothing is sealed: programs detached");
}

void gc_extend_grace(struct gc *gc)
{
	gc->grace_looks = IDLE_LOOKS_USER;
}

static void detach_when_idle(struct gc *gc)
{
	if (!is_idle(gc))
		gc->idle_looks = 0;
	else if (gc->grace_looks > 0)
		gc->grace_looks--;
	else if (++gc->idle_looks >= IDLE_LOOKS)
		detach(gc);
}

void gc_finish(struct gc *gc)
{
	/* No other process would detach them later. */
	if (programs_attached(gc->programs) && is_idle(gc))
		detach(gc);
	if (programs_attached(gc->programs))
		log_info("mseald stops; sealed memory stays sealed");
}

/* While policies of an earlier daemon are active, the kernel seals by them, and must continue to. */
static unsigned policy_needs(struct programs *programs)
{
	uint32_t generation = programs_state(programs)->policies;
	unsigned needs = generation && bpffs_last_generation() ? NEED_POLICY : 0;

	for (uint32_t i = 0; needs && i < MSEALD_POLICY_BITS; i++) {
		uint32_t index = MSEALD_POLICY_SEAL(generation, i);
		struct mseald_policy_seal seal;
		uint64_t deny;

		if (bpf_map_lookup_elem(programs_map_fd(programs, "policy_seals"), &index, &seal) < 0)
			continue;
		deny = seal.rule | seal.rule >> 8 | seal.rule >> 16;
		needs |= coverage_needs((unsigned)deny & MSEALD_DENY_ALL);
	}
	return needs;
}

int gc_take_over(struct gc *gc)
{
	unsigned needs = policy_needs(gc->programs);
	int r;

	if (!needs && !space_map_any_sealed(gc->space_map) && (!bpffs_last_generation() || is_idle(gc))) {
		programs_detach(gc->programs);
		forget_all(gc);
		return 0;
	}
	r = programs_attach(gc->programs, needs | set_map_needs(gc->space_map->sets));
	if (r < 0) {
		log_error("cannot adopt the attached programs; the earlier programs, if any, stay attached");
		return r;
	}
	set_pool_recover(gc->programs, gc->space_map->sets);
	forget_stale(gc);
	integrity_check(gc->integrity); /* damage by calls that slipped past a gate while no daemon ran */
	integrity_end_kill_pending(gc->integrity);
	log_info("took over %" PRIu64 " sealed address spaces",
		 (uint64_t)programs_state(gc->programs)->sealed);
	return 0;
}

/*
 * Returns memory of loading the programs, or of a burst of requests, which the C library would keep. It
 * counts what it has returned as free, too. What is used again soon is not worth it: each page has to be
 * cleared.
 */
static void give_memory_back(struct gc *gc)
{
	size_t now_free = mallinfo2().fordblks;

	reader_trim();
	gc->returned = ++gc->trim_ticks % TRIM_LOOKS ? MIN_OF(gc->returned, now_free) : 0;
	if (now_free - gc->returned <= KEPT_MEMORY)
		return;
	(void)malloc_trim(0);
	gc->returned = mallinfo2().fordblks;
}

#define QUIET_LOOKS 30 /* a minute without another log line about forks */

/* Forgets accounts without usage; reports forks that failed at the quota. */
static void check_accounts(struct gc *gc)
{
	uint64_t refused = programs_state(gc->programs)->forks_refused;

	space_map_forget_accounts(gc->space_map);
	if (gc->quiet) {
		gc->quiet--;
		return;
	}
	if (refused <= gc->refused_seen)
		return;
	log_warning(
		"%" PRIu64
		" forks of sealed processes were refused (EAGAIN): too many address spaces (msealctl status)",
		refused - gc->refused_seen);
	gc->refused_seen = refused;
	gc->quiet = QUIET_LOOKS;
}

/* Time to look for stale entries anyway? The more entries, the rarer: it reads all entries and all tasks. */
static bool look_is_due(struct gc *gc)
{
	uint64_t entries = programs_state(gc->programs)->entries;

	return entries && ++gc->ticks >= 4 + entries / 64;
}

bool gc_tick(struct gc *gc)
{
	uint64_t lifecycle, all, idle_entries;
	bool missed = false;

	if (programs_attached(gc->programs)) {
		all = programs_misses(gc->programs, &lifecycle);
		missed = lifecycle != gc->lifecycle_seen;
		/* Entries of spaces that are no longer sealed, or that ended while sealed. */
		idle_entries = count_idle_entries(gc);
		if (missed || (idle_entries && idle_entries != gc->idle_entries_seen) || look_is_due(gc)) {
			forget_stale(gc);
			gc->ticks = 0;
		}
		gc->idle_entries_seen = count_idle_entries(gc);
		if (all != gc->misses_seen)
			integrity_check(gc->integrity);
		gc->lifecycle_seen = lifecycle;
		gc->misses_seen = all;
		check_accounts(gc);
		integrity_end_kill_pending(gc->integrity);
		detach_when_idle(gc);
		collect_sets(gc);
		set_map_trim(gc->space_map->sets);
		if (programs_needed(gc->programs))
			(void)set_pool_fill(gc->programs, 1);
	}
	give_memory_back(gc);
	return missed;
}

int gc_open(struct gc *gc, sd_event *loop, struct programs *programs, struct space_map *space_map,
	    struct integrity *integrity)
{
	*gc = (struct gc){ .programs = programs, .space_map = space_map, .integrity = integrity };
	return timer_open(&gc->soon, loop, 0, on_soon, gc);
}

void gc_close(struct gc *gc)
{
	timer_close(&gc->soon);
}
