/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rows 1 to 10 and 13 of docs/design.md, "What is denied", for the 64-bit ABI:
 * every attack first succeeds on memory that is not sealed (in a process that
 * is not, while another is), then fails on sealed memory exactly as this
 * kernel is known to make it fail; right beside the seal it still succeeds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

static json_t *status_rows;

static bool is_lsm_row(int row)
{
	return row == 1 || row == 2 || row == 9 || row == 10 || row == 13;
}

/* --- what Status says must be what the kernel is known to do --- */

static void check_status(void)
{
	json_t *status = daemon_status(), *row;
	bool seen[14] = { false };
	size_t i;

	status_rows = json_incref(json_object_get(status, "rows"));
	diag("kernel %s, preemption %s", json_text(status, "kernel"), json_text(status, "preemption"));
	json_array_foreach (status_rows, i, row) {
		const char *operation = json_text(row, "operation"), *outcome = json_text(row, "outcome");
		const char *by = json_text(row, "by");
		int number = (int)json_number(row, "row");
		bool lsm = !strcmp(by, "lsm");
		bool either = strstr(operation, "io_uring") || strstr(operation, "io_destroy");

		diag("row %2d %s: %s by %s%s %s", number, operation, outcome, by,
		     json_number(row, "raced") > 0 ? ", can be raced" : "", json_text(row, "note"));
		if (number < 1 || number > 13)
			continue;
		seen[number] = true;
		if (number == 11 || number == 12)
			continue;
		if (number == 13)
			/* Stacks grow by page faults, where no LSM hook is. */
			ok(!strcmp(outcome, lsm ? "EPERM" : "SIGKILL") && (lsm || strstr(operation, "stack")),
			   "Status, row 13: %s: %s", operation, outcome);
		else if (!strcmp(by, "kernel"))
			/* Tried below: it must be so. */
			ok(strstr(operation, "process_madvise") && !strcmp(outcome, "EINVAL"),
			   "Status, row %d: %s: the kernel itself says EINVAL", number, operation);
		else if (lsm)
			ok((is_lsm_row(number) || number == 8) && !strcmp(outcome, "EPERM"),
			   "Status, row %d: %s: EPERM", number, operation);
		else if (strstr(operation, "32-bit call"))
			/* A row of its own only where it is not answered as 64-bit calls are. */
			ok(gate_is_override() && !strcmp(outcome, "SIGKILL"), "Status, row %d: %s: SIGKILL", number,
			   operation);
		else if (either)
			ok(!strcmp(outcome, "EPERM") || !strcmp(outcome, "SIGKILL"), "Status, row %d: %s: %s", number,
			   operation, outcome);
		else
			ok(!is_lsm_row(number) && !strcmp(outcome, gate_text()), "Status, row %d: %s: %s", number,
			   operation, gate_text());
	}
	for (int number = 1; number <= 13; number++)
		if (number <= 10 || number == 13)
			ok(seen[number], "Status has row %d", number);
	json_decref(status);
}

static const char *status_outcome(const char *operation)
{
	json_t *row;
	size_t i;

	json_array_foreach (status_rows, i, row)
		if (strstr(json_text(row, "operation"), operation))
			return json_text(row, "outcome");
	return "";
}

static bool is_expected(const struct attack *attack, const struct outcome *outcome, const char **ret_expected)
{
	enum stopper stopper = attack->stopper;
	const char *expected = stopper == BY_LSM ? "EPERM" : stopper == BY_GATE ? gate_text() :
			       stopper == ALLOWED ? "success" : status_outcome(attack->status_name);

	*ret_expected = expected;
	if (!strcmp(expected, "success"))
		return outcome->kind == SUCCEEDED;
	if (!strcmp(expected, "EPERM"))
		return outcome->kind == DENIED && outcome->value == EPERM;
	return !strcmp(expected, "SIGKILL") && outcome->kind == KILLED && outcome->value == SIGKILL;
}

/* --- one attack --- */

static bool works_unsealed(const struct attack *attack)
{
	const char *name = attack->name;
	struct outcome outcome;
	struct stage stage;
	char *before, *after;
	bool changed;

	stage_open(&stage, attack);
	before = snapshot(stage.victim->pid, stage.target, stage.length);
	outcome = stage_strike(&stage, stage.target);
	after = stage.victim->dead ? strdup("dead") : snapshot(stage.victim->pid, stage.target, stage.length);
	changed = strcmp(before, after);
	if (outcome.kind == KILLED || (outcome.kind == DENIED && outcome.value == EPERM)) {
		ok(false, "row %d: %s: not sealed, it succeeds", attack->row, name);
		diag("it ended: %s", outcome.text);
	} else if (outcome.kind != SUCCEEDED) {
		skip(outcome.text, "row %d: %s: not sealed, it does not work on this kernel", attack->row, name);
	} else if (!ok(changed || attack->invisible, "row %d: %s: not sealed, it succeeds", attack->row, name)) {
		diag("it says so, but nothing has changed:\n%s", before);
	}
	free(before);
	free(after);
	stage_close(&stage);
	return outcome.kind == SUCCEEDED;
}

static void strike_beside(struct stage *stage)
{
	struct outcome outcome = { .kind = SUCCEEDED };
	int i;

	for (i = 0; i < 2 && outcome.kind == SUCCEEDED; i++)
		if (stage->control[i])
			outcome = stage_strike(stage, stage->control[i]);
	if (!ok(outcome.kind == SUCCEEDED, "row %d: %s: beside the seal it succeeds", stage->attack->row,
		stage->attack->name))
		diag("%s the seal %#lx+%#lx it ended: %s", i == 1 ? "behind" : "before", stage->target, stage->length,
		     outcome.text);
}

static void strike_sealed(const struct attack *attack)
{
	struct outcome outcome;
	const char *expected;
	struct stage stage;
	char *before, *after;

	stage_open(&stage, attack);
	must_seal(stage.victim->pid, stage.target, stage.length);
	if (attack->coarse)
		skip("any seal of the process denies it, wherever it goes",
		     "row %d: %s: beside the seal it succeeds", attack->row, attack->name);
	else
		strike_beside(&stage);
	if (stage.victim->dead) {
		stage_close(&stage);
		return;
	}
	before = snapshot(stage.victim->pid, stage.target, stage.length);
	outcome = stage_strike(&stage, stage.target);
	if (!is_expected(attack, &outcome, &expected)) {
		ok(false, "row %d: %s: sealed, %s", attack->row, attack->name, expected);
		diag("it ended: %s", outcome.text);
	} else {
		ok(true, "row %d: %s: sealed, %s", attack->row, attack->name, expected);
	}
	if (!stage.victim->dead && attack->stopper != ALLOWED) {
		after = snapshot(stage.victim->pid, stage.target, stage.length);
		if (!ok(!strcmp(before, after), "row %d: %s: sealed, nothing has changed", attack->row, attack->name))
			diag("before:\n%safter:\n%s", before, after);
		free(after);
	}
	free(before);
	stage_close(&stage);
}

static void strike_all(const struct attack *attack)
{
	for (; attack->name; attack++)
		if (works_unsealed(attack))
			strike_sealed(attack);
}

/* --- row 13: what was sealed is gone, and nothing must come there --- */

enum { FILL_HINT, FILL_FIXED, FILL_NOREPLACE, FILL_MREMAP, FILL_SHMAT, FILL_STACK, FILL_COUNT };

static const char *const fill_names[] = { "mmap with a hint", "mmap(MAP_FIXED)", "mmap(MAP_FIXED_NOREPLACE)",
					  "mremap(MREMAP_FIXED)", "shmat", "a stack that grows" };

/* Four pages with nothing near below them, and right behind them a stack. */
static uint64_t pages_below_stack(struct puppet *puppet)
{
	const long flags = MAP_PRIVATE | MAP_ANONYMOUS, protection = PROT_READ | PROT_WRITE;
	long base = puppet_call(puppet, SYS_mmap, 0, 1024 * PAGE, PROT_NONE, flags, -1, 0);
	long at = base + 600 * (long)PAGE, stack = at + 4 * (long)PAGE;
	const long fixed = flags | MAP_FIXED;

	if (base < 0 || puppet_call(puppet, SYS_munmap, base, 1024 * PAGE) ||
	    puppet_call(puppet, SYS_mmap, stack, 2 * PAGE, protection, fixed | MAP_GROWSDOWN, -1, 0) != stack ||
	    puppet_call(puppet, SYS_mmap, at, 4 * PAGE, PROT_READ, fixed, -1, 0) != at)
		bail("no memory for a stack");
	return (uint64_t)at;
}

static uint64_t pages_for_hole(struct puppet *puppet, int how)
{
	return how == FILL_STACK ? pages_below_stack(puppet) : puppet_pages(puppet, 4, PROT_READ);
}

/* Nobody is sealed: then the stack does grow there. */
static void stack_grows_unsealed(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t at = pages_below_stack(puppet);

	puppet_call(puppet, SYS_munmap, at, 4 * PAGE);
	ok(puppet_run(puppet, fill_pages, (long)(at + 3 * PAGE), PAGE, 1) == 0 &&
	   !strcmp(protection_of(puppet->pid, at + 3 * PAGE), "rw-p"), "row 13: not sealed, a stack grows into a hole");
	puppet_end(puppet);
}

static long fill_hole(struct puppet *puppet, int how, uint64_t at, uint64_t spare)
{
	const long flags = MAP_PRIVATE | MAP_ANONYMOUS;
	long id, result;

	switch (how) {
	case FILL_HINT:
		return puppet_call(puppet, SYS_mmap, at, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	case FILL_FIXED:
		return puppet_call(puppet, SYS_mmap, at, PAGE, PROT_READ, flags | MAP_FIXED, -1, 0);
	case FILL_NOREPLACE:
		return puppet_call(puppet, SYS_mmap, at, PAGE, PROT_READ, flags | MAP_FIXED_NOREPLACE, -1, 0);
	case FILL_MREMAP:
		return puppet_call(puppet, SYS_mremap, spare, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at);
	case FILL_STACK:
		return puppet_run(puppet, fill_pages, (long)(at + 3 * PAGE), PAGE, 1);
	default:
		id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
		result = puppet_call(puppet, SYS_shmat, id, at, 0);
		shmctl((int)id, IPC_RMID, NULL);
		return result;
	}
}

/* Not filled: denied, killed, or put somewhere else. */
static void check_hole(struct puppet *puppet, int how, long result, uint64_t at)
{
	bool denied = result == -EPERM, killed = result == PUPPET_DEAD && WIFSIGNALED(puppet->status) &&
						 WTERMSIG(puppet->status) == SIGKILL;

	if (!ok(denied || killed, "row 13: the hole cannot be filled by %s (%s)", fill_names[how],
		puppet_text(puppet, result)))
		diag("there is now \"%s\" at %#lx", protection_of(puppet->pid, at), at);
}

/* Without an override gate: one of two processes that share the memory unmaps it and dies; the other is left. */
static void hole_by_kill(int how)
{
	struct puppet *one = puppet_new(), *other = puppet_clone(one, CLONE_VM, NULL);
	uint64_t at = pages_for_hole(one, how), spare = puppet_pages(one, 1, PROT_READ);
	long result;

	must_seal(one->pid, at, 4 * PAGE);
	daemon_pause(true);
	result = puppet_call(one, SYS_munmap, at, 4 * PAGE);
	ok(stopped_by_gate(one, result), "row 13: who unmaps dies (%s)", puppet_text(one, result));
	if (puppet_died(other, 0)) {
		skip("the other one was killed as well", "row 13: the hole cannot be filled by %s", fill_names[how]);
	} else if (protection_of(other->pid, at)[0]) {
		skip("what is sealed is still there", "row 13: the hole cannot be filled by %s", fill_names[how]);
	} else {
		check_hole(other, how, fill_hole(other, how, at, spare), at);
	}
	daemon_pause(false);
	ok(puppet_died(other, 15000), "row 13: the daemon kills whoever shares the memory");
	puppet_end(other);
	puppet_end(one);
}

/* address, length, seconds: unmaps until it works; 1 when it did. */
static long race_munmap(const long arguments[6])
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		for (int i = 0; i < 500; i++)
			if (RAW(SYS_munmap, arguments[0], arguments[1]) == 0)
				return 1;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < arguments[2]);
	return 0;
}

/* With an override gate: threads on one processor race it. */
static void hole_by_race(int how, bool can_be_raced)
{
	struct puppet *racers[4];
	uint64_t at, spare;
	cpu_set_t *cpu;
	long result = 0;

	racers[0] = puppet_new();
	cpu = puppet_data(racers[0]);
	CPU_ZERO(cpu);
	CPU_SET(0, cpu);
	puppet_call(racers[0], SYS_sched_setaffinity, 0, sizeof(*cpu), (long)cpu);
	for (int i = 1; i < 4; i++)
		racers[i] = puppet_clone(racers[0], CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES,
					 NULL);
	at = pages_for_hole(racers[0], how);
	spare = puppet_pages(racers[0], 1, PROT_READ);
	must_seal(racers[0]->pid, at, 4 * PAGE);
	daemon_pause(true);
	for (int i = 0; i < 4; i++)
		puppet_start(racers[i], race_munmap, (long)at, 4 * PAGE, can_be_raced ? 5 : 2);
	for (int i = 0; i < 4; i++)
		result |= puppet_result(racers[i]);
	if (!can_be_raced)
		ok(result == 0, "row 3: the gate cannot be raced, as Status says");
	else if (result == 0)
		skip("the gate was not raced in 5 s", "row 13: the hole cannot be filled by %s", fill_names[how]);
	if (result == 1) {
		check_hole(racers[0], how, fill_hole(racers[0], how, at, spare), at);
		daemon_pause(false);
		ok(puppet_died(racers[0], 30000), "row 13: the daemon kills a process whose sealed memory is gone");
	}
	daemon_pause(false);
	for (int i = 3; i >= 0; i--)
		puppet_end(racers[i]);
}

static void row_13(void)
{
	bool can_be_raced = false;
	json_t *row;
	size_t i;

	stack_grows_unsealed();
	if (!gate_is_override()) {
		for (int how = 0; how < FILL_COUNT; how++)
			hole_by_kill(how);
		return;
	}
	json_array_foreach (status_rows, i, row)
		if (json_number(row, "row") == 3 && json_number(row, "raced") > 0)
			can_be_raced = true;
	for (int how = 0; how < (can_be_raced ? FILL_COUNT : 1); how++)
		hole_by_race(how, can_be_raced);
	if (!can_be_raced)
		skip("no gate can be raced here, so there is never a hole", "row 13: a hole cannot be filled");
}

int main(int argc, char **argv)
{
	struct puppet *keeper;
	uint64_t kept;

	puppet_main(argc, argv);
	(void)gate_is_override();
	daemon_start();
	/* Somebody is sealed all the time: the programs stay attached while others act unsealed. */
	keeper = puppet_new();
	kept = puppet_pages(keeper, 2, PROT_READ);
	must_seal(keeper->pid, kept, 2 * PAGE);
	check_status();
	strike_all(lsm_attacks);
	strike_all(gate_attacks);
	strike_all(discard_attacks);
	row_13();
	ok(daemon_says_sealed(keeper->pid, kept, 2 * PAGE), "who was sealed at first still is");
	ok(puppet_call(keeper, SYS_mprotect, kept, PAGE, PROT_READ | PROT_WRITE) == -EPERM, "and cannot undo it");
	puppet_end(keeper);
	json_decref(status_rows);
	daemon_stop(SIGTERM);
	return tap_end();
}
