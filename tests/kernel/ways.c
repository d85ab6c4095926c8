/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "ways.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "daemon.h"
#include "tap.h"

/* --- expected results --- */

/*
 * Does mseal(2) also refuse the attack? Permanent seals of 64-bit processes are native if
 * MSEALD_EXPECT_NATIVE is 1 (tests/kernel/run); the ABI of the call does not matter. Advice that discards is
 * refused only on anonymous memory that is not writable (mm/mseal.c, seen on 6.12 and 7.3). That of
 * process_madvise is judged before its ranges are known: by all seals.
 */
static bool is_native(const struct attack *attack, enum abi abi, bool permanent)
{
	const char *native = getenv("MSEALD_EXPECT_NATIVE") ?: "";

	if (strcmp(native, "1") || !permanent || abi == ABI_32 || attack->not_native)
		return false;
	return (attack->row != 6 && attack->row != 7) || attack->layout == ANON_READ || attack->anonymous;
}

/*
 * The single source of expected results: "success", "EPERM", "SIGKILL", or the kernel's own result
 * (attack->natively).
 */
static const char *expected(const struct attack *attack, enum abi abi, bool permanent)
{
	bool compat = abi == ABI_INT80 || abi == ABI_32;
	bool overridden = attack->mechanism == BY_GATE &&
			  (compat ? gate_32_is_override() : gate_is_override());

	if (attack->natively && !overridden && is_native(attack, abi, permanent))
		return attack->natively;
	if (attack->mechanism == ALLOWED)
		return attack->error ? strerrorname_np(attack->error) : "success";
	if (attack->mechanism == BY_LSM || is_native(attack, abi, permanent))
		return "EPERM";
	if (attack->mechanism == BY_KILL)
		return "SIGKILL";
	return overridden ? "EPERM" : "SIGKILL";
}

/* The result in the same words. */
static const char *result_of(const struct outcome *outcome)
{
	switch (outcome->kind) {
	case SUCCEEDED: return "success";
	case DENIED: return strerrorname_np(outcome->value) ?: "an unknown error";
	case KILLED: return outcome->value == SIGKILL ? "SIGKILL" : "dead";
	default: return "not tried";
	}
}

/* Is the result the same as without mseald? */
static bool as_kernel_does(const struct attack *attack, const struct outcome *outcome)
{
	if (attack->error)
		return outcome->kind == DENIED && outcome->value == attack->error;
	return outcome->kind == SUCCEEDED;
}

/* --- cells --- */

void report_cell(int row, const char *operation, const char *by, enum abi abi, bool permanent,
		 const char *result, const char *attack)
{
	diag("cell %d|%s|%s|%s|%s|%s|%s", row, operation, by, abi_name(abi),
	     permanent ? "permanent" : "revocable", result, attack);
}

static void report_attack(const struct attack *attack, enum abi abi, bool permanent, const char *result)
{
	const char *end = strchr(attack->name, ':');
	char operation[128];

	if (attack->mechanism == ALLOWED)
		return;
	snprintf(operation, sizeof(operation), "%.*s", end ? (int)(end - attack->name) : 100, attack->name);
	report_cell(attack->row, operation, attack->mechanism == BY_LSM ? "lsm" : "gate", abi, permanent,
		    result, end ? end + 2 : attack->name);
}

/* --- unsealed --- */

static char *look_at(const struct stage *stage)
{
	return stage->victim->dead ? strdup("dead") :
				     snapshot(stage->victim->pid, stage->target, stage->length);
}

static bool works_unsealed(const struct attack *attack, enum abi abi)
{
	const char *name = attack->name, *by = abi_name(abi);
	struct outcome outcome;
	char *before, *after, no[256];
	struct stage stage;
	bool works, changed;

	stage_open(&stage, attack, abi);
	before = look_at(&stage);
	outcome = stage_strike(&stage, stage.target);
	after = look_at(&stage);
	changed = strcmp(before, after);
	works = as_kernel_does(attack, &outcome);
	if (works) {
		works = ok(attack->either || (attack->invisible ? !changed || !attack->error : changed),
			   "row %d: %s, %s: not sealed, %s", attack->row, name, by,
			   attack->error ? strerrorname_np(attack->error) : "it succeeds");
		if (!works)
			diag("memory is %s:\n%safter:\n%s", changed ? "changed" : "as it was", before, after);
	} else if (outcome.kind == KILLED || (outcome.kind == DENIED && outcome.value == EPERM)) {
		ok(false, "row %d: %s, %s: not sealed, it succeeds", attack->row, name, by);
		diag("it ended: %s", outcome.text);
	} else {
		skip(outcome.text, "row %d: %s, %s: not sealed, it does not work on this kernel", attack->row,
		     name, by);
		snprintf(no, sizeof(no), "no: %s", outcome.text);
		report_attack(attack, abi, true, no);
		report_attack(attack, abi, false, no);
	}
	free(before);
	free(after);
	stage_close(&stage);
	return works;
}

/* --- sealed --- */

static void seal_stage(const struct stage *stage, bool permanent)
{
	const struct range range = { stage->target, stage->target + stage->length };
	const char *error = daemon_seal(
		&(struct seal_order){
			.pid = stage->victim->pid, .ranges = &range, .count = 1, .revocable = !permanent },
		NULL);

	if (error)
		bail("cannot seal pid %d: %s: %s", stage->victim->pid, error, daemon_error_message());
}

static bool works_beside(struct stage *stage)
{
	struct outcome outcome;

	if (stage->attack->coarse)
		return true; /* any seal of the process denies it, wherever it goes */
	for (int i = 0; i < 2; i++) {
		if (!stage->control[i])
			continue;
		outcome = stage_strike(stage, stage->control[i]);
		if (as_kernel_does(stage->attack, &outcome))
			continue;
		diag("%s the seal %#lx+%#lx it ended: %s", i ? "before" : "behind", stage->target,
		     stage->length, outcome.text);
		return false;
	}
	return true;
}

static void strike_sealed(const struct attack *attack, enum abi abi, bool permanent)
{
	const char *want = expected(attack, abi, permanent), *got, *by = abi_name(abi);
	const char *what = permanent ? "permanent" : "revocable";
	struct outcome outcome;
	char *before, *after;
	struct stage stage;
	bool changed;

	stage_open(&stage, attack, abi);
	seal_stage(&stage, permanent);
	if (!works_beside(&stage)) {
		ok(false, "row %d: %s, %s, %s: beside the seal it succeeds", attack->row, attack->name, by,
		   what);
		stage_close(&stage);
		return;
	}
	before = look_at(&stage);
	outcome = stage_strike(&stage, stage.target);
	after = look_at(&stage);
	got = result_of(&outcome);
	changed = !stage.victim->dead && attack->mechanism != ALLOWED && strcmp(before, after);
	if (!strcmp(want, "kept") && !strcmp(got, "success") && !changed)
		got = want;
	/* The order of the kernel's checks differs between versions. */
	if (attack->natively == want && strcmp(want, "kept") && !strcmp(got, "EPERM"))
		want = got;
	if (!ok(!strcmp(got, want) && !changed, "row %d: %s, %s, %s: %s%s", attack->row, attack->name, by,
		what, want,
		attack->mechanism == ALLOWED ? "" : ", nothing has changed, beside the seal it succeeds"))
		diag("it ended: %s%s%s%s%s", outcome.text, changed ? "; before:\n" : "",
		     changed ? before : "", changed ? "after:\n" : "", changed ? after : "");
	if (!changed && attack->natively == want && strcmp(want, "kept") && !strcmp(got, want))
		got = "EPERM"; /* refused all the same */
	report_attack(attack, abi, permanent, changed || !strcmp(got, "success") ? "let through" : got);
	free(before);
	free(after);
	stage_close(&stage);
}

/* --- all ways --- */

/* x32 needs CONFIG_X86_X32_ABI, which Debian leaves out. Reported once. */
static bool has_x32(void)
{
	static int has = -1;
	struct puppet *puppet;
	long call[7];

	if (has < 0) {
		puppet = puppet_new();
		abi_to_x32((const long[7]){ SYS_munmap, 0, 0 }, call);
		has = puppet_call_(puppet, call) != -ENOSYS;
		if (!has)
			skip("this kernel says ENOSYS to x32 calls", "every attack by x32");
		puppet_end(puppet);
	}
	return has;
}

unsigned abis_of_turn(unsigned abis, unsigned which)
{
	abis &= ABIS_HERE;
	if (!abis || brief(1, 0))
		return abis;
	for (unsigned skip = (which + turn()) % (unsigned)__builtin_popcount(abis); skip > 0; skip--)
		abis &= abis - 1;
	return abis & -abis;
}

/*
 * In the short form, calls that are no attack and must succeed are made beside one kind of seal, and beside
 * the other the next time. Attacks meet both kinds: mseal(2) denies them on one, a program on the other.
 */
static bool is_struck(const struct attack *attack, unsigned which, bool permanent)
{
	which += turn();
	return attack->mechanism != ALLOWED || brief(1, (which + which / 4) % 2 == permanent);
}

void make_attack(const struct attack *attack, unsigned abis)
{
	static unsigned made;
	unsigned which = made++;

	abis &= (attack->abis ?: ~0u) & ((1u << ABI_COUNT) - 1);
	if (abis & 1u << ABI_X32 && !has_x32())
		abis &= ~(1u << ABI_X32);
	abis = abis_of_turn(abis, which);
	for (enum abi abi = 0; abi < ABI_COUNT; abi++)
		if (abis & 1u << abi && works_unsealed(attack, abi))
			for (int permanent = 1; permanent >= 0; permanent--)
				if (is_struck(attack, which, permanent))
					strike_sealed(attack, abi, permanent);
}

void make_attacks(const struct attack *list, unsigned abis)
{
	for (; list->name; list++)
		make_attack(list, abis);
}

/* --- sealed meanwhile --- */

static struct puppet *keeper;
static uint64_t kept;

/* Makes the kernel not wait for idle processors: sealing spends most of its time in such waits. */
static void hurry(const char *yes)
{
	FILE *file = fopen("/sys/kernel/rcu_expedited", "we");

	if (file) {
		fputs(yes, file);
		fclose(file);
	}
}

void ways_begin(void)
{
	hurry("1");
	daemon_start();
	keeper = puppet_new();
	kept = puppet_pages(keeper, 2, PROT_READ);
	must_seal(keeper->pid, kept, 2 * PAGE);
}

void ways_end(void)
{
	ok(daemon_says_sealed(keeper->pid, kept, 2 * PAGE), "the process sealed first still is");
	ok(puppet_call(keeper, SYS_mprotect, kept, PAGE, PROT_READ | PROT_WRITE) == -EPERM,
	   "and cannot undo it");
	keeper = puppet_end(keeper);
	hurry("0");
}
