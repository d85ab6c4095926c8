/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fuzzer of the promise: in every process that lives on, sealed memory stays unchanged. Victims are forks
 * of a process with seals of every kind (fuzz_scene.c). They make random calls (fuzz_draw.c) by all ABIs
 * (fuzz_runner.c). After each batch the oracle (fuzz_oracle.c) compares. Findings are replayed, pruned
 * (fuzz_play.c) and printed. What the calls never reach in the gates: tests/kernel/coverage.
 *
 *   $MSEALD_FUZZ_SECONDS   duration (default 30)
 *   $MSEALD_SEED           repeats the same calls; SEED.NUMBER: of that victim only
 *   $MSEALD_FUZZ_ONLY      only these calls and scenes, such as mremap,shmdt,huge; all but -file; sane: no
 *                          addresses and lengths beyond memory
 *   $MSEALD_FUZZ_CALLS     calls in a batch (default 24)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "fuzz_play.h"
#include "tap.h"

#define VICTIM_SLOT FUZZ_SCENES
#define LIFE 10	    /* batches per victim */
#define FINDINGS 40 /* different ones to report */
#define ALIKE 4	    /* number of similar changes of one area in one scene to investigate */
#define UNSEALED_VICTIMS 1000
#define TAKING_VICTIMS 10000 /* the first ones, which may take pages away from the machine */
#define RESTART_MS 15000     /* interval of killing the daemon, or a fourth of the duration */
#define DOWN 30		     /* victims while it is down */

_Static_assert(VICTIM_SLOT + 2 * FUZZ_FAMILY <= FUZZ_SLOTS, "victim and replay have slots of their own");

static struct {
	uint64_t seed;
	unsigned batch;
	unsigned long victims, calls, batches, died, crashed, hung, children, restarts, raced, shared, alike;
	int64_t make_us, play_us, end_us;
	unsigned long violations[FUZZ_SCENES], played[FUZZ_SCENES];
	char first[FUZZ_SCENES][160]; /* the first violation, for the line that fails */
} run;

/* Earlier findings: the last call, and the change of which memory. */
static struct {
	char text[160];
	unsigned long times;
} findings[FINDINGS];
static unsigned findings_count;

static int64_t now_microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/*
 * Victims run on the test's processor, so that passing the turn wakes no other processor. The daemon has the
 * others; processes that share a victim's memory may use all.
 */
static void on_one_processor(bool one)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = one || sysconf(_SC_NPROCESSORS_ONLN) < 2 ? 0 : 1; i < (one ? 1 : CPU_SETSIZE); i++)
		CPU_SET(i, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* Processor seconds of its daemons. */
static double daemon_seconds(bool ends)
{
	static long before;
	long now = before + daemon_ticks();

	if (ends)
		before = now;
	return (double)now / (double)sysconf(_SC_CLK_TCK);
}

static void start_daemon(void)
{
	on_one_processor(false);
	daemon_start();
	on_one_processor(true);
}

static bool is_known(const char *text)
{
	for (unsigned i = 0; i < findings_count; i++)
		if (strcmp(findings[i].text, text) == 0) {
			findings[i].times++;
			return true;
		}
	if (findings_count < FINDINGS) {
		snprintf(findings[findings_count].text, sizeof(findings->text), "%s", text);
		findings[findings_count++].times = 1;
		return false;
	}
	return true;
}

static void say_change(const struct fuzz_scene *scene, const struct fuzz_judgement *judgement)
{
	const struct fuzz_page *page = judgement->change.page;
	const struct fuzz_area *area = page->area;
	unsigned number = (unsigned)((page->address - scene->starts[area - fuzz_areas]) / FUZZ_PAGE);

	diag("  then in %s, which lives on: %s + %#lx (%s memory, seal: %s) %s", judgement->who, area->name,
	     number * FUZZ_PAGE, fuzz_memory_names[area->memory],
	     fuzz_strength_names[scene_strength(scene, area, number)], judgement->change.what);
}

static void count_violation(const struct fuzz_scene *scene, unsigned long number,
			    const struct fuzz_judgement *judgement)
{
	if (!run.violations[scene->index]++)
		snprintf(run.first[scene->index], sizeof(*run.first),
			 "; first MSEALD_SEED=%" PRIu64 ".%lu: %s of %s %s", run.seed, number,
			 judgement->change.page->area->name, judgement->who, judgement->change.what);
}

static void say_calls(const struct fuzz_scene *scene, const struct fuzz_call *calls, unsigned count)
{
	char text[600];

	for (unsigned i = 0; i < count; i++) {
		ops_print(scene, &calls[i], text, sizeof(text));
		diag("  %s;", text);
	}
}

/* Investigates a finding: can it be repeated, and by which calls? */
static void look_into(struct fuzz_scene *scene, unsigned long number, struct fuzz_victim *victim,
		      struct fuzz_call *calls, unsigned count, unsigned harmless,
		      const struct fuzz_judgement *seen)
{
	static struct fuzz_call copy[FUZZ_CALLS];
	static unsigned alike[FUZZ_SCENES][FUZZ_AREAS][26];
	struct fuzz_judgement judgement;
	unsigned left = count;
	char known[160];

	/* Replaying takes long. */
	if (++alike[scene->index][seen->change.page->area - fuzz_areas]
		   [(seen->change.what[0] * 7 + seen->change.what[3]) % 26] > ALIKE) {
		count_violation(scene, number, seen);
		run.alike++;
		return;
	}
	memcpy(copy, calls, count * sizeof(*calls));
	judgement = play_shorten(scene, copy, &left, harmless, true);
	if (left == 0) {
		/* A preempted gate lets a call pass; then the daemon finds that the memory is gone. */
		if (!victim->dead && victim_dies(victim, 10000)) {
			run.raced++;
			return;
		}
		count_violation(scene, number, seen);
		diag("scene %s, MSEALD_SEED=%" PRIu64 ".%lu: seen once, not again; the calls until then:",
		     scene->name, run.seed, number);
		say_calls(scene, calls + (count > run.batch * 2 ? count - run.batch * 2 : 0),
			  count > run.batch * 2 ? run.batch * 2 : count);
		say_change(scene, seen);
		return;
	}
	count_violation(scene, number, seen);
	snprintf(known, sizeof(known), "%s in scene %s: %s memory, %s: %.60s", ops_name(&copy[left - 1]),
		 scene->name, fuzz_memory_names[judgement.change.page->area->memory], judgement.who,
		 judgement.change.what);
	if (is_known(known))
		return;
	judgement = play_shorten(scene, copy, &left, 0, false);
	diag("scene %s, MSEALD_SEED=%" PRIu64 ".%lu, %u calls%s", scene->name, run.seed, number, left,
	     left ? ":" : " that were not needed again");
	say_calls(scene, copy, left);
	if (judgement.change.page)
		say_change(scene, &judgement);
}

/* The life of one victim; the same for the same seed and number. */
static bool one_victim(unsigned long number, bool sealed, bool daemon_down, bool *areas_changed)
{
	static struct fuzz_call calls[FUZZ_CALLS];
	struct fuzz_random random = { run.seed * 0x2545f4914f6cdd1d + number };
	struct fuzz_slots slots = { 1, FUZZ_FAMILY };
	struct fuzz_judgement judgement = { 0 };
	struct fuzz_victim victim;
	struct fuzz_scene *scene;
	unsigned count = 0, from = 0;
	int64_t before;

	do
		scene = &fuzz_scenes[random_below(&random, fuzz_scenes_count)];
	while (scene->off);
	if (daemon_down) {
		if (!scene->built)
			return true;
		slots.end = 1;
	}
	fuzz_takes_pages = number < TAKING_VICTIMS;
	before = now_microseconds();
	victim = play_begin(scene, VICTIM_SLOT, sealed);
	run.make_us += now_microseconds() - before;
	if (!run.played[scene->index]++)
		ops_expect(scene);
	run.victims++;
	for (unsigned batch = 0; batch < LIFE && !judgement.over && !judgement.change.page; batch++) {
		from = count;
		while (count - from < run.batch && count < FUZZ_CALLS - 2)
			count += ops_draw(scene, &random, &slots, &calls[count]);
		before = now_microseconds();
		judgement = play_batch(scene, &victim, calls + from, count - from, sealed);
		run.play_us += now_microseconds() - before;
		run.batches++;
		run.calls += judgement.calls;
	}
	run.children += slots.next - 1;
	run.hung += judgement.hung;
	if (judgement.hung)
		diag("victim %lu of scene %s hangs in call %u", number, scene->name, judgement.calls);
	run.died += victim_is_killed(&victim);
	run.crashed += victim.dead && WIFSIGNALED(victim.status) && WTERMSIG(victim.status) != SIGKILL;
	if (judgement.change.page && areas_changed)
		areas_changed[judgement.change.page->area - fuzz_areas] = true;
	else if (judgement.change.page && daemon_down)
		start_daemon();
	if (judgement.change.page && !areas_changed)
		look_into(scene, number, &victim, calls, count, from, &judgement);
	before = now_microseconds();
	play_end(&victim);
	run.end_us += now_microseconds() - before;
	if (judgement.discards)
		run.shared += scene->built && !play_check_template(scene);
	return !(judgement.change.page && daemon_down);
}

/* Without seals the same calls change memory of every kind, and the oracle must notice. */
static void try_unsealed(void)
{
	bool changed[FUZZ_AREAS] = { false }, off[FUZZ_SCENES];
	char text[1000] = "";
	size_t length = 0;
	unsigned seen = 0, all = 0, victims = 0;
	int64_t start = now_milliseconds();

	for (unsigned i = 0; i < fuzz_scenes_count; i++) {
		off[i] = fuzz_scenes[i].off;
		fuzz_scenes[i].off = i != 0;
	}
	for (; victims < UNSEALED_VICTIMS && (!victims || seen * 3 < all * 2); victims++) {
		bool here[FUZZ_AREAS] = { false };

		one_victim(victims, false, false, changed);
		for (unsigned i = 0; i < fuzz_scenes[0].pages_count; i++)
			here[fuzz_scenes[0].pages[i].area - fuzz_areas] = true;
		seen = all = 0;
		for (unsigned i = 0; i < fuzz_areas_count; i++) {
			all += here[i];
			seen += here[i] && changed[i];
		}
		/* Shared memory stays changed. */
		if (victims % 20 == 19)
			scene_drop(&fuzz_scenes[0]);
	}
	for (unsigned i = 0; i < fuzz_areas_count; i++)
		if (changed[i])
			length += (size_t)snprintf(text + length, sizeof(text) - length, " %s",
						   fuzz_areas[i].name);
	if (fuzz_scenes[0].built)
		scene_drop(&fuzz_scenes[0]);
	for (unsigned i = 0; i < fuzz_scenes_count; i++)
		fuzz_scenes[i].off = off[i];
	diag("not sealed: %u victims, %.1f s, %lu calls; victims %" PRId64 " ms, calls %" PRId64
	     ", end %" PRId64 "; changed:%s",
	     victims, (double)(now_milliseconds() - start) / 1000, run.calls, run.make_us / 1000,
	     run.play_us / 1000, run.end_us / 1000, text);
	ok(seen * 3 >= all * 2, "not sealed, the same calls change memory of nearly every kind (%u of %u)",
	   seen, all);
	memset(run.played, 0, sizeof(run.played));
}

static void say_attempts(void)
{
	json_t *metrics = NULL, *count;
	char text[1500] = "";
	size_t length = 0, i;

	(void)daemon_call("Metrics", NULL, &metrics);
	json_array_foreach(json_object_get(metrics, "attempts"), i, count)
		if (json_number(count, "attempts") > 0 && length < sizeof(text) - 80)
			length += (size_t)snprintf(text + length, sizeof(text) - length, " %s/%s %" PRId64,
						   json_text(count, "operation"), json_text(count, "verdict"),
						   json_number(count, "attempts"));
	diag("attempts, by the daemon's count:%s", text);
	json_decref(metrics);
}

static void fuzz(int64_t seconds)
{
	int64_t start = now_milliseconds(), end = start + seconds * 1000;
	int64_t every = seconds * 250 > RESTART_MS ? seconds * 250 : RESTART_MS, restart = start + every, now;
	unsigned long number = 0;

	for (; (now = now_milliseconds()) < end; number++) {
		one_victim(number, true, false, NULL);
		if (now < restart)
			continue;
		/* Pinned programs stay active. */
		(void)daemon_seconds(true);
		daemon_stop(SIGKILL);
		run.restarts++;
		for (unsigned i = 0; i < DOWN && one_victim(++number, true, true, NULL); i++)
			;
		if (!daemon_pid())
			start_daemon();
		restart = now_milliseconds() + every;
	}
	diag("%.1f s, %lu victims (%lu killed, %lu crashed, %lu hung), %lu calls in %lu batches "
	     "(%.0f in a second), "
	     "%lu other processes, "
	     "%lu restarts of the daemon, %lu raced, %lu times shared memory changed by a victim "
	     "that died; in ms: "
	     "victims %" PRId64 ", calls %" PRId64 ", end %" PRId64 "; the daemon took %.1f s",
	     (double)(now - start) / 1000, run.victims, run.died, run.crashed, run.hung, run.calls,
	     run.batches, (double)run.calls * 1000 / (double)(now - start), run.children, run.restarts,
	     run.raced, run.shared, run.make_us / 1000, run.play_us / 1000, run.end_us / 1000,
	     daemon_pid() ? daemon_seconds(false) : 0);
}

/* Addresses must not be random, or a seed is meaningless. */
static void without_randomness(char **argv)
{
	int now = personality(0xffffffff);

	if (now & ADDR_NO_RANDOMIZE || personality((unsigned long)now | ADDR_NO_RANDOMIZE) < 0)
		return;
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	const char *seconds = getenv("MSEALD_FUZZ_SECONDS"),
		   *seed = argc > 1 ? argv[1] : getenv("MSEALD_SEED");
	const char *batch = getenv("MSEALD_FUZZ_CALLS"), *one;

	without_randomness(argv);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	run.seed = seed && *seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
	run.batch = batch ? (unsigned)strtoul(batch, NULL, 10) : 24;
	if (run.batch < 1 || run.batch > FUZZ_CALLS / LIFE - 2)
		bail("MSEALD_FUZZ_CALLS: from 1 to %u", FUZZ_CALLS / LIFE - 2);
	ops_select(getenv("MSEALD_FUZZ_ONLY"));
	board_open();
	scenes_begin();
	start_daemon();
	diag("MSEALD_SEED=%" PRIu64 " MSEALD_FUZZ_ONLY=%s", run.seed, getenv("MSEALD_FUZZ_ONLY") ?: "");
	one = seed ? strchr(seed, '.') : NULL;
	if (one) {
		one_victim(strtoul(one + 1, NULL, 10), true, false, NULL);
	} else {
		if (!getenv("MSEALD_FUZZ_ONLY"))
			try_unsealed();
		memset(&run.victims, 0, offsetof(typeof(run), violations) - offsetof(typeof(run), victims));
		fuzz(seconds ? strtol(seconds, NULL, 10) : 30);
		ops_report();
	}
	if (!daemon_pid())
		start_daemon();
	say_attempts();
	if (run.alike)
		diag("%lu more changes of areas that were changed %u times before", run.alike, ALIKE);
	for (unsigned i = 0; i < findings_count; i++)
		diag("%5lu times: %s", findings[i].times, findings[i].text);
	for (unsigned i = 0; i < fuzz_scenes_count; i++)
		if (run.played[i])
			ok(run.violations[i] == 0,
			   "scene %s: sealed memory is unchanged in all survivors (%lu victims, %lu not%s)",
			   fuzz_scenes[i].name, run.played[i], run.violations[i], run.first[i]);
	ok(run.hung == 0, "no victim hangs");
	scenes_end();
	daemon_stop(SIGTERM);
	return tap_end();
}
