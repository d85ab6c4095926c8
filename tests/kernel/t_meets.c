/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that meet several seals of different strength: all are judged, wherever the call meets them, and the
 * strongest wins. A native seal does not excuse a call that also meets another one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "attack.h"
#include "daemon.h"
#include "ring.h"
#include "tap.h"
#include "ways.h"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)
#define ABIS_TRIED (1u << ABI_64 | ABIS_32)

enum kind { NONE, MPROTECT_ONLY, AUDIT, REVOCABLE, PERMANENT };

static const struct {
	const char *name, *deny, *action;
	bool revocable, strong; /* strong: the calls below must not change its part */
} kinds[] = {
	[NONE] = { "not sealed", NULL, NULL, false, false },
	[MPROTECT_ONLY] = { "against mprotect", "mprotect", NULL, true, false },
	[AUDIT] = { "audit", NULL, "audit", true, false },
	[REVOCABLE] = { "revocable", "all", NULL, true, true },
	[PERMANENT] = { "permanent", NULL, NULL, false, true },
};

static const enum kind pairs[][2] = {
	{ NONE, NONE }, /* control: it works */
	{ MPROTECT_ONLY, MPROTECT_ONLY },
	{ AUDIT, AUDIT },
	{ MPROTECT_ONLY, AUDIT },
	{ MPROTECT_ONLY, REVOCABLE },
	{ REVOCABLE, MPROTECT_ONLY },
	{ AUDIT, REVOCABLE },
	{ REVOCABLE, AUDIT },
	{ MPROTECT_ONLY, PERMANENT },
	{ PERMANENT, MPROTECT_ONLY },
	{ AUDIT, PERMANENT },
	{ PERMANENT, AUDIT },
	{ PERMANENT, REVOCABLE },
	{ REVOCABLE, PERMANENT },
	{ PERMANENT, PERMANENT },
	{ REVOCABLE, REVOCABLE },
};

/* Two parts of a process, of two pages each. */
struct scene {
	struct stage stage;
	uint64_t part[2];
	uint64_t base; /* range of the call: a page, both parts, a page */
};

enum call {
	UNMAP,
	DISCARD,
	SHRINK,
	MOVE_AWAY,
	ONTO_BOTH,
	ONE_ONTO_OTHER,
	TAIL_ONTO_OTHER,
	DETACH,
	DISCARD_BY_RING,
	CALLS
};

static const struct {
	const char *name;
	unsigned abis;
} calls[CALLS] = {
	[UNMAP] = { "munmap of both", ~0u },
	[DISCARD] = { "MADV_DONTNEED of both", ~0u },
	[SHRINK] = { "mremap that shrinks by both", ~0u },
	[MOVE_AWAY] = { "mremap of both away", ~0u },
	[ONTO_BOTH] = { "mremap onto both", ~0u },
	[ONE_ONTO_OTHER] = { "mremap of the first onto the second", ~0u },
	[TAIL_ONTO_OTHER] = { "mremap, the first is cut off, onto the second", ~0u },
	[DETACH] = { "shmdt of both", ~0u },
	[DISCARD_BY_RING] = { "MADV_DONTNEED of both by io_uring", ABIS_FUNCTIONS },
};

static long segment(struct scene *scene)
{
	long id = stage_call(&scene->stage, SYS_shmget, IPC_PRIVATE, 6 * PAGE, IPC_CREAT | 0600), at;

	/* At an address in reach of the ABI. */
	at = (long)stage_map(&scene->stage, 6 * PAGE, PROT_NONE, ANONYMOUS);
	stage_call(&scene->stage, SYS_shmat, id, at, SHM_REMAP);
	stage_call(&scene->stage, SYS_shmctl, id, IPC_RMID, 0);
	stage_fill(&scene->stage, (uint64_t)at, 6 * PAGE, 29);
	return at;
}

static void scene_open(struct scene *scene, enum call call, enum abi abi)
{
	struct stage *stage = &scene->stage;
	uint64_t base;

	*scene = (struct scene){
		.stage = { .victim = abi == ABI_32 ? puppet_new_32() : puppet_new(), .abi = abi },
	};
	if (call == DETACH) {
		base = (uint64_t)segment(scene);
	} else {
		base = stage_map(stage, 24 * PAGE, READ_WRITE, ANONYMOUS) + 2 * PAGE;
		stage_fill(stage, base, 20 * PAGE, 31);
		stage_call(stage, SYS_mprotect, (long)base, 20 * PAGE, PROT_READ);
	}
	if (call == DISCARD_BY_RING && puppet_run(stage->victim, ring_setup) < 0)
		stage_trouble(stage, "there is no io_uring");
	scene->base = base;
	scene->part[0] = base + PAGE;
	scene->part[1] = base + (call == ONE_ONTO_OTHER || call == TAIL_ONTO_OTHER ? 12 : 3) * PAGE;
}

/* address, length, whether by int 0x80 */
static long discard_by_ring(const long arguments[6])
{
	return ring_submit_by(arguments[2], &(struct io_uring_sqe){ .opcode = IORING_OP_MADVISE,
								    .fd = -1,
								    .addr = (uint64_t)arguments[0],
								    .len = (uint32_t)arguments[1],
								    .fadvise_advice = MADV_DONTNEED });
}

static long make_call(struct scene *scene, enum call call)
{
	struct stage *stage = &scene->stage;
	long base = (long)scene->base, first = (long)scene->part[0], second = (long)scene->part[1], other;

	switch (call) {
	case UNMAP: return stage_attack(stage, SYS_munmap, base, 6 * PAGE);
	case DISCARD: return stage_attack(stage, SYS_madvise, base, 6 * PAGE, MADV_DONTNEED);
	case SHRINK: return stage_attack(stage, SYS_mremap, base, 6 * PAGE, PAGE, 0);
	case MOVE_AWAY:
		other = (long)stage_map(stage, 6 * PAGE, READ_WRITE, ANONYMOUS);
		return stage_attack(stage, SYS_mremap, base, 6 * PAGE, 6 * PAGE, MOVE, other);
	case ONTO_BOTH:
		other = (long)stage_map(stage, 6 * PAGE, READ_WRITE, ANONYMOUS);
		return stage_attack(stage, SYS_mremap, other, 6 * PAGE, 6 * PAGE, MOVE, base);
	case ONE_ONTO_OTHER: return stage_attack(stage, SYS_mremap, first, 2 * PAGE, 2 * PAGE, MOVE, second);
	case TAIL_ONTO_OTHER: return stage_attack(stage, SYS_mremap, base, 3 * PAGE, PAGE, MOVE, second);
	case DETACH: return stage_attack(stage, SYS_shmdt, base);
	default: return puppet_run(stage->victim, discard_by_ring, base, 6 * PAGE, stage->abi == ABI_INT80);
	}
}

static void seal_part(const struct scene *scene, int which, enum kind kind)
{
	const struct range range = { scene->part[which], scene->part[which] + 2 * PAGE };
	const char *error;

	if (kind == NONE)
		return;
	error = daemon_seal(&(struct seal_order){ .pid = scene->stage.victim->pid,
						  .ranges = &range,
						  .count = 1,
						  .deny = kinds[kind].deny,
						  .action = kinds[kind].action,
						  .revocable = kinds[kind].revocable },
			    NULL);
	if (error)
		bail("cannot seal: %s %s", error, daemon_error_message());
}

/* May the call succeed, though it left natively sealed memory unchanged? shmdt may (ipc/shm.c). */
static bool may_succeed(enum call call, enum kind first, enum kind second)
{
	return call == DETACH && native_expected() && first != REVOCABLE && second != REVOCABLE;
}

/* If mseal(2) has split the mapping, the kernel does not move it, whatever else is met. */
static bool may_fail_otherwise(enum call call, enum kind first, enum kind second)
{
	return call == MOVE_AWAY && native_expected() && (first == PERMANENT || second == PERMANENT);
}

static bool meet(enum call call, enum abi abi, enum kind first, enum kind second)
{
	bool strong = kinds[first].strong || kinds[second].strong, good;
	const enum kind kind[2] = { first, second };
	struct scene scene;
	struct puppet *victim;
	char *before[2], *after;
	long result;

	scene_open(&scene, call, abi);
	victim = scene.stage.victim;
	for (int i = 0; i < 2; i++)
		seal_part(&scene, i, kind[i]);
	for (int i = 0; i < 2; i++)
		before[i] = snapshot(victim->pid, scene.part[i], 2 * PAGE);
	result = scene.stage.trouble[0] ? -EIO : make_call(&scene, call);
	if (!strong)
		good = result >= 0;
	else
		good = result == -EPERM || (result == PUPPET_DEAD && WTERMSIG(victim->status) == SIGKILL) ||
		       (result == 0 && may_succeed(call, first, second)) ||
		       (result == -EFAULT && may_fail_otherwise(call, first, second));
	for (int i = 0; i < 2; i++) {
		if (!victim->dead && kinds[kind[i]].strong) {
			after = snapshot(victim->pid, scene.part[i], 2 * PAGE);
			if (strcmp(before[i], after)) {
				diag("part %d, before:\n%safter:\n%s", i, before[i], after);
				good = false;
			}
			free(after);
		}
		free(before[i]);
	}
	if (scene.stage.trouble[0])
		skip(scene.stage.trouble, "%s, %s", calls[call].name, abi_name(abi));
	else
		ok(good, "%s, %s: %s, then %s: %s (%s)", calls[call].name, abi_name(abi), kinds[first].name,
		   kinds[second].name, strong ? "stopped, and sealed memory has not changed" : "it works",
		   puppet_text(victim, result));
	good = good && !scene.stage.trouble[0];
	stage_close(&scene.stage);
	return good;
}

/* The order of sealing must not matter: the second part first. */
static void later_first(void)
{
	struct scene scene;
	long result;

	scene_open(&scene, UNMAP, ABI_64);
	seal_part(&scene, 1, REVOCABLE);
	seal_part(&scene, 0, AUDIT);
	result = make_call(&scene, UNMAP);
	ok(stopped_by_program(scene.stage.victim, result),
	   "the stronger seal was made first: munmap: %s (%s)", program_text(),
	   puppet_text(scene.stage.victim, result));
	stage_close(&scene.stage);
}

/* More seals than fit in one node of the tree, on one segment: only the last is strong. */
static void many_on_segment(void)
{
	struct puppet *puppet = puppet_new();
	const unsigned long pages = 80;
	long id = puppet_call(puppet, SYS_shmget, IPC_PRIVATE, 2 * pages * PAGE, IPC_CREAT | 0600), result;
	uint64_t at = (uint64_t)puppet_call(puppet, SYS_shmat, id, 0, 0);
	struct range ranges[80];
	const char *error;

	puppet_call(puppet, SYS_shmctl, id, IPC_RMID, 0);
	for (unsigned long i = 0; i < pages; i++)
		ranges[i] = (struct range){ at + 2 * i * PAGE, at + (2 * i + 1) * PAGE };
	error = daemon_seal(&(struct seal_order){ .pid = puppet->pid,
						  .ranges = ranges,
						  .count = pages - 1,
						  .deny = "mprotect",
						  .revocable = true },
			    NULL);
	must_seal_revocably(puppet->pid, ranges[pages - 1].start, PAGE);
	result = puppet_call(puppet, SYS_shmdt, at);
	ok(!error && stopped_by_program(puppet, result),
	   "shmdt of a segment with %lu seals, the last is strong: %s (%s, %s)", pages, program_text(),
	   error ?: "sealed", puppet_text(puppet, result));
	puppet_end(puppet);
}

/* In the short form, a third of the calls, others for the next pair. */
static bool is_met(enum call call, size_t pair)
{
	return brief(1, 0) || pair == 0 || (pair + call + turn()) % 3 == 0;
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	ways_begin();
	for (enum call call = 0; call < CALLS; call++)
		for (enum abi abi = ABI_64; abi <= ABI_32; abi++)
			if (abis_of_turn(calls[call].abis & ABIS_TRIED & ABIS_HERE, call) & 1u << abi)
				for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
					if (is_met(call, i) && !meet(call, abi, pairs[i][0], pairs[i][1]) &&
					    i == 0)
						break; /* it does not work at all */
	later_first();
	many_on_segment();
	ways_end();
	daemon_stop(SIGTERM);
	return tap_end();
}
