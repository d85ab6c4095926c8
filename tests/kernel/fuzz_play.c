/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See fuzz_play.h. */
#define _GNU_SOURCE
#include "fuzz_play.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define BATCH_MS 20000 /* limit of a batch, else it hangs */
#define GRACE_MS 15000 /* the daemon kills processes that share memory with a killed one */
#define MAKE_MS 60
#define LOOKS 3 /* checks of a change before it counts */
#define LOOK_US 20000
#define REPLAY_SLOT (FUZZ_SLOTS - FUZZ_FAMILY)
#define HASTE_MS 2000	 /* the same while a known finding is pruned */
#define SHORTEN_MS 30000 /* limit of pruning */

static int grace = GRACE_MS;

static bool needs_grace(const struct fuzz_victim *victim)
{
	return victim->dead || victim_slot(victim)->killed;
}

/*
 * Has a living process a changed sealed page? A page that was unreadable for a moment, for example while
 * being moved, is readable at the next look.
 */
static struct fuzz_change look(const struct fuzz_scene *scene, struct fuzz_victim *one, bool patient)
{
	struct fuzz_change change = oracle_look(scene, one);

	for (int again = 0; change.page && again < LOOKS; again++) {
		(void)usleep(LOOK_US);
		victim_slot(one)->count = 0;
		if (victim_step(one, BATCH_MS) != FUZZ_DONE)
			return (struct fuzz_change){ 0 }; /* it has died */
		change = oracle_look(scene, one);
	}
	if (change.page && patient && victim_dies(one, grace))
		change.page = NULL;
	return change;
}

/* Judges the processes that a call has made, by their slots. */
static struct fuzz_judgement judge_made(const struct fuzz_scene *scene, const struct fuzz_victim *victim,
					const struct fuzz_call *call)
{
	struct fuzz_judgement judgement = { 0 };
	unsigned slots[2] = { 0 };

	if (call->by == FUZZ_FORK || call->by == FUZZ_VFORK || call->by == FUZZ_SHARER)
		slots[0] = victim->slot + (unsigned)call->argument[0];
	if (call->by == FUZZ_SHARER)
		slots[1] = victim->slot + (unsigned)call->argument[1];
	if (call->result < 0)
		return judgement;
	for (unsigned i = 0; i < 2 && slots[i] && !judgement.change.page; i++) {
		struct fuzz_victim one;

		if (!victim_made(slots[i], MAKE_MS, &one))
			continue;
		BOARD->slots[slots[i]].count = 0;
		if (victim_step(&one, BATCH_MS) == FUZZ_DONE) {
			judgement.change = look(scene, &one, needs_grace(victim));
			judgement.who = call->by == FUZZ_SHARER && i == 0 ?
						"a process that shares its memory" :
						"a child";
		}
		/* play_end() ends it. */
		close(one.pidfd);
	}
	return judgement;
}

static void count_outcomes(const struct fuzz_victim *victim, const struct fuzz_slot *slot)
{
	for (unsigned i = 0; i <= slot->at && i < slot->count; i++) {
		const struct fuzz_call *call = &slot->calls[i];
		enum fuzz_outcome outcome = call->result == -1			     ? FUZZ_DENIED :
					    call->result < 0 && call->result > -4096 ? FUZZ_REFUSED :
										       FUZZ_MADE;

		if (i == slot->at) {
			if (!victim->dead || WTERMSIG(victim->status) != SIGKILL)
				return;
			outcome = FUZZ_KILLED;
		}
		ops_count(call, outcome);
	}
}

static bool is_shared(const struct fuzz_page *page)
{
	return page->area->memory == FUZZ_SHARED || page->area->memory == FUZZ_SHARED_DATA ||
	       page->area->memory == FUZZ_SEGMENT;
}

/* Has it taken away a physical page (CAP_SYS_ADMIN)? It is gone for children that share it, too. */
static bool takes_page(const struct fuzz_call *call)
{
	return call->argument[2] == 100 || call->argument[2] == 101; /* MADV_HWPOISON, MADV_SOFT_OFFLINE */
}

/* Where its gate kills, it still happens. */
static bool is_discard(const struct fuzz_call *call)
{
	return strstr(ops_name(call), "madvise") || call->by == FUZZ_RING;
}

struct fuzz_judgement play_batch(const struct fuzz_scene *scene, struct fuzz_victim *victim,
				 const struct fuzz_call *calls, unsigned count, bool counted)
{
	struct fuzz_slot *slot = victim_slot(victim);
	struct fuzz_judgement judgement = { 0 };
	enum fuzz_turn turn;
	const struct fuzz_call *last;

	memcpy(slot->calls, calls, count * sizeof(*calls));
	slot->count = count;
	slot->probes = scene->index;
	slot->killed = 0;
	memset(BOARD->slots[0].text, 0, sizeof(BOARD->slots[0].text));
	for (unsigned i = 1; i < FUZZ_FAMILY; i++)
		BOARD->slots[victim->slot + i].probes = scene->index;
	turn = victim_step(victim, BATCH_MS);
	judgement.hung = turn == FUZZ_HUNG;
	judgement.over = turn != FUZZ_DONE || slot->killed;
	if (counted)
		count_outcomes(victim, slot);
	judgement.calls = slot->at;
	last = &slot->calls[slot->at];
	last += last->by == FUZZ_VFORK; /* the child's call */
	if (turn == FUZZ_DONE) {
		judgement.change = look(scene, victim, slot->killed);
		judgement.who = "the process";
	}
	for (unsigned i = 0; i < count && i <= judgement.calls && !judgement.change.page; i++) {
		struct fuzz_judgement other;

		if (calls[i].by != FUZZ_FORK && calls[i].by != FUZZ_VFORK && calls[i].by != FUZZ_SHARER)
			continue;
		other = judge_made(scene, victim, &slot->calls[i]);
		if (other.change.page) {
			judgement.change = other.change;
			judgement.who = other.who;
		}
	}
	judgement.discards = victim_is_killed(victim) && is_discard(last);
	if (judgement.discards && judgement.change.page && strcmp(judgement.who, "a child") == 0 &&
	    (is_shared(judgement.change.page) || takes_page(last)))
		judgement.change.page = NULL;
	return judgement;
}

struct fuzz_victim play_begin(struct fuzz_scene *scene, unsigned slot, bool sealed)
{
	struct fuzz_victim victim = { 0 };

	for (unsigned i = 1; i < FUZZ_FAMILY; i++)
		victim_expect(slot + i);
	for (int tries = 0; tries < 3; tries++) {
		scene_build(scene, sealed);
		if (scene_victim(scene, slot, &victim)) {
			/* So that everything it makes can be killed with it. */
			(void)setpgid(victim.pid, victim.pid);
			return victim;
		}
		scene_drop(scene);
	}
	bail("scene %s: no victim can be forked", scene->name);
}

void play_end(struct fuzz_victim *victim)
{
	pid_t group = victim->pid;

	(void)kill(-group, SIGKILL);
	victim_end(victim);
	while (waitpid(-group, NULL, 0) > 0)
		;
}

/* --- replaying --- */

bool play_check_template(struct fuzz_scene *scene)
{
	if (!scene->built)
		return false;
	victim_slot(&scene->template)->count = 0;
	if (victim_step(&scene->template, BATCH_MS) == FUZZ_DONE &&
	    !oracle_look(scene, &scene->template).page)
		return true;
	scene_drop(scene);
	return false;
}

static struct fuzz_judgement replay(struct fuzz_scene *scene, const struct fuzz_call *calls, unsigned count)
{
	struct fuzz_victim victim = play_begin(scene, REPLAY_SLOT, true);
	struct fuzz_judgement judgement = play_batch(scene, &victim, calls, count, false);

	play_end(&victim);
	if (judgement.change.page || judgement.discards)
		(void)play_check_template(scene);
	return judgement;
}

struct fuzz_judgement play_shorten(struct fuzz_scene *scene, struct fuzz_call *calls, unsigned *count,
				   unsigned harmless, bool until_call)
{
	static struct fuzz_call fewer[FUZZ_CALLS];
	struct fuzz_judgement best = { 0 }, now;
	int64_t end = now_milliseconds() + SHORTEN_MS;
	unsigned low = harmless, high = *count;

	(void)play_check_template(scene);
	for (int tries = 0; tries < 3 && !best.change.page; tries++)
		best = replay(scene, calls, *count);
	if (!best.change.page) {
		*count = 0;
		return best;
	}
	grace = HASTE_MS;
	/* Finds the shortest prefix that causes the change. */
	while (low + 1 < high && now_milliseconds() < end) {
		unsigned middle = low + (high - low) / 2;

		now = replay(scene, calls, middle);
		if (now.change.page) {
			high = middle;
			best = now;
		} else {
			low = middle;
		}
	}
	*count = high;
	for (unsigned size = (*count + 1) / 2; size > 0 && !until_call; size /= 2)
		for (unsigned from = 0; from + size <= *count && *count > 1 && now_milliseconds() < end;) {
			memcpy(fewer, calls, from * sizeof(*calls));
			memcpy(fewer + from, calls + from + size, (*count - from - size) * sizeof(*calls));
			now = replay(scene, fewer, *count - size);
			if (now.change.page) {
				*count -= size;
				memcpy(calls, fewer, *count * sizeof(*calls));
				best = now;
			} else {
				from += size;
			}
		}
	grace = GRACE_MS;
	return best;
}
