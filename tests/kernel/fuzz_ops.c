/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fuzzer's calls: selects the wanted ones, and draws one at random, for one of the ABIs. See fuzz_ops.h.
 */
#define _GNU_SOURCE
#include "fuzz_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tap.h"

static bool op_off[FUZZ_OPS];

bool op_is_here(const struct fuzz_scene *scene, unsigned op)
{
	unsigned where = fuzz_ops[op].where;

	return !op_off[op] && (!(where & IN_ALL) || scene->permanent == FUZZ_ALL) &&
	       (!(where & IN_LOW) || scene->low) && (!(where & IN_FILE) || scene->flags & SCENE_FILE) &&
	       (!(where & IN_32) || scene->is_32) && (!(where & I386) || abi_is_here(ABI_INT80));
}

bool op_has_abi(unsigned op, bool is_32)
{
	return !(fuzz_ops[op].where & (is_32 ? ONLY_64 : ONLY_32));
}

void ops_select(const char *only)
{
	char copy[512], *rest = copy, *word;
	bool some_ops = false, some_scenes = false, known;

	snprintf(copy, sizeof(copy), "%s", only ?: "");
	/* Two passes: the first finds whether any is named. */
	for (int pass = 0; pass < 2; pass++) {
		snprintf(copy, sizeof(copy), "%s", only ?: "");
		rest = copy;
		if (pass == 1) {
			for (unsigned i = 0; i < fuzz_ops_count && some_ops; i++)
				op_off[i] = true;
			for (unsigned i = 0; i < fuzz_scenes_count && some_scenes; i++)
				fuzz_scenes[i].off = true;
		}
		while ((word = strsep(&rest, ","))) {
			bool without = *word == '-';

			word += without;
			known = !*word || strcmp(word, "sane") == 0;
			fuzz_only_sane = fuzz_only_sane || strcmp(word, "sane") == 0;
			for (unsigned i = 0; i < fuzz_ops_count; i++)
				if (strcmp(word, fuzz_ops[i].name) == 0) {
					known = true;
					some_ops = some_ops || !without;
					if (pass == 1)
						op_off[i] = without;
				}
			for (unsigned i = 0; i < fuzz_scenes_count; i++)
				if (strcmp(word, fuzz_scenes[i].name) == 0) {
					known = true;
					some_scenes = some_scenes || !without;
					if (pass == 1)
						fuzz_scenes[i].off = without;
				}
			if (!known)
				bail("MSEALD_FUZZ_ONLY: there is no call and no scene \"%s\"", word);
		}
	}
}

/* Making processes takes much longer than other calls. */
static unsigned weight(unsigned op)
{
	return fuzz_ops[op].where & PROCESS ? fuzz_ops[op].weight : fuzz_ops[op].weight * 4;
}

/* Chooses by weight, in some draws only among calls on memory. */
static bool is_candidate(const struct fuzz_scene *scene, unsigned op, bool no_process)
{
	return op_is_here(scene, op) && !(no_process && fuzz_ops[op].where & PROCESS) &&
	       !(scene->is_32 && !op_has_abi(op, true));
}

static unsigned pick(const struct fuzz_scene *scene, struct fuzz_random *random, bool no_process)
{
	unsigned sum = 0, at;

	for (unsigned i = 0; i < fuzz_ops_count; i++)
		sum += is_candidate(scene, i, no_process) ? weight(i) : 0;
	if (!sum)
		return fuzz_ops_count;
	at = random_below(random, sum);
	for (unsigned i = 0; i < fuzz_ops_count; i++) {
		if (!is_candidate(scene, i, no_process))
			continue;
		if (at < weight(i))
			return i;
		at -= weight(i);
	}
	return fuzz_ops_count;
}

/* --- drawing --- */

static bool meets_seal(const struct fuzz_scene *scene, uint64_t start, uint64_t length)
{
	if (start > ABI_USER_END || length > ABI_USER_END - start || start % FUZZ_PAGE)
		return false;
	for (unsigned i = 0; i < scene->pages_count; i++)
		if (scene->pages[i].address < start + length && scene->pages[i].address + FUZZ_PAGE > start)
			return true;
	return false;
}

/*
 * A gate that kills ends the victim with each call that plainly meets a seal. Most such calls are drawn
 * again, so that victims live to make others.
 */
static bool plainly_deadly(const struct fuzz_scene *scene, const struct fuzz_draw *draw)
{
	const long *call = draw->call;
	bool wrong;

	switch (draw->by == FUZZ_RING ? SYS_madvise : call[0]) {
	case SYS_munmap: return meets_seal(scene, (uint64_t)call[1], (uint64_t)call[2]);
	case SYS_madvise:
	case SYS_process_madvise:
		return call[3] > 3 && meets_seal(scene, (uint64_t)call[1], (uint64_t)call[2]);
	case SYS_mremap:
		/* A call that the kernel may refuse is not plain. */
		wrong = (uint64_t)call[1] % FUZZ_PAGE || (uint64_t)call[1] > ABI_USER_END ||
			(uint64_t)call[2] > ABI_USER_END - (uint64_t)call[1];
		return !wrong &&
		       (meets_seal(scene, (uint64_t)call[1], (uint64_t)call[2]) ||
			(call[4] & MREMAP_FIXED && meets_seal(scene, (uint64_t)call[5], (uint64_t)call[3])));
	default: return false;
	}
}

static bool gate_kills(const struct fuzz_scene *scene)
{
	const char *gate = getenv(scene->is_32 ? "MSEALD_EXPECT_GATE_32" : "MSEALD_EXPECT_GATE");

	return gate && strcmp(gate, "kill") == 0;
}

static void make_call(struct fuzz_draw *draw, unsigned op, struct fuzz_call *call)
{
	const struct fuzz_scene *scene = draw->scene;
	bool compat = scene->is_32 || draw->only_32;
	long call_32[7], cut[7];
	const long *made = draw->call;

	if (abi_is_here(ABI_INT80) && scene->low && !scene->is_32 && !draw->only_64 &&
	    draw->by != FUZZ_UFFD && !compat)
		compat = fuzz_chance(draw, 45);
	*call = (struct fuzz_call){ .by = draw->by, .op = op };
	if (compat && draw->by != FUZZ_OLDMMAP && draw->call[0] != 117) {
		cut[0] = draw->call[0];
		for (int i = 1; i < 7; i++)
			cut[i] = (uint32_t)draw->call[i];
		if (draw->by == FUZZ_UFFD) {
			memcpy(call_32, cut, sizeof(call_32));
		} else {
			const char *why = abi_to_32(cut, call_32);

			if (why)
				bail("%s: %s", fuzz_ops[op].name, why);
		}
		made = call_32;
	}
	call->number = made[0];
	for (int i = 0; i < 6; i++)
		call->argument[i] = compat ? (uint32_t)made[i + 1] : (uint64_t)made[i + 1];
	if (compat && !scene->is_32 && draw->by == FUZZ_CALL)
		call->by = FUZZ_INT80;
	if (draw->by == FUZZ_ADVISE || draw->by == FUZZ_WRITE) {
		call->argument[5] = (uint64_t)made[0];
		call->argument[3] = compat && !scene->is_32;
	}
	call->abi = scene->is_32 ? ABI_32 : compat ? ABI_INT80 : ABI_64;
	call->cell = kind_aimed_at(scene, op, call);
	/* Some calls strip it, and meet the same memory. */
	for (unsigned i = 0; ABI_TAG(1) && call->abi == ABI_64 && fuzz_ops[op].arguments[i]; i++)
		if (fuzz_ops[op].arguments[i] == 'a' && fuzz_chance(draw, 10))
			call->argument[i] |= ABI_TAG(random_below(draw->random, 256));
}

unsigned ops_draw(const struct fuzz_scene *scene, struct fuzz_random *random, struct fuzz_slots *slots,
		  struct fuzz_call calls[2])
{
	unsigned op = pick(scene, random, slots->end - slots->next < 2), count = 0, then;
	struct fuzz_draw draw = { .scene = scene, .random = random };

	if (op == fuzz_ops_count)
		bail("scene %s: MSEALD_FUZZ_ONLY leaves no call to make", scene->name);
	if (fuzz_ops[op].where & PROCESS) {
		struct fuzz_call *call = &calls[count++];

		fuzz_ops[op].draw(&draw);
		*call = (struct fuzz_call){ .by = draw.by, .op = op, .abi = scene->is_32 ? ABI_32 : ABI_64 };
		call->argument[0] = slots->next++;
		if (draw.by == FUZZ_SHARER) {
			call->argument[1] = slots->next++;
			call->argument[2] = 1;
		}
		then = pick(scene, random, true);
		if (draw.by == FUZZ_FORK || then == fuzz_ops_count)
			return draw.by == FUZZ_FORK ? count : 0;
		op = then;
		draw = (struct fuzz_draw){ .scene = scene, .random = random };
	}
	fuzz_ops[op].draw(&draw);
	while ((gate_kills(scene) || draw.by == FUZZ_RING) && plainly_deadly(scene, &draw) &&
	       fuzz_chance(&draw, 85)) {
		draw = (struct fuzz_draw){ .scene = scene, .random = random };
		fuzz_ops[op].draw(&draw);
	}
	make_call(&draw, op, &calls[count++]);
	return count;
}
