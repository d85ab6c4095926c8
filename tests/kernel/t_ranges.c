/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Borders of seals: parts of mappings, several mappings, adjacent and overlapping seals, ten thousand of
 * them, calls over several mappings, and seals made while mappings change.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static bool denied(struct puppet *puppet, uint64_t start, uint64_t length)
{
	return puppet_call(puppet, SYS_mprotect, start, length, PROT_NONE) == -EPERM;
}

/* Changes the protection, and restores it. */
static bool allowed(struct puppet *puppet, uint64_t start, uint64_t length)
{
	return puppet_call(puppet, SYS_mprotect, start, length, PROT_NONE) == 0 &&
	       puppet_call(puppet, SYS_mprotect, start, length, PROT_READ) == 0;
}

/* --- borders --- */

static void part_of_a_mapping(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t start = puppet_pages(puppet, 16, PROT_READ), seal = start + 5 * PAGE;
	char *before, *after;
	long result;

	ok(allowed(puppet, start, 16 * PAGE), "part of a mapping: not sealed, it can be changed");
	must_seal(puppet->pid, seal, 3 * PAGE);
	before = snapshot(puppet->pid, seal, 3 * PAGE);
	ok(allowed(puppet, start, 5 * PAGE), "part of a mapping: all before it can be changed");
	ok(allowed(puppet, seal + 3 * PAGE, 8 * PAGE), "part of a mapping: all behind it can be changed");
	ok(allowed(puppet, seal - PAGE, 1), "part of a mapping: one byte of the page before");
	ok(denied(puppet, seal, 1), "part of a mapping: one byte of its first page");
	ok(denied(puppet, seal + 2 * PAGE, 1), "part of a mapping: one byte of its last page");
	ok(denied(puppet, seal - PAGE, PAGE + 1), "part of a mapping: one byte into it from below");
	ok(denied(puppet, seal + 2 * PAGE, 4 * PAGE), "part of a mapping: out of it");
	ok(denied(puppet, start, 16 * PAGE), "part of a mapping: the whole mapping");
	ok(puppet_call(puppet, SYS_mprotect, start, 0, PROT_NONE) == 0,
	   "part of a mapping: length 0 changes nothing");
	ok(puppet_call(puppet, SYS_mprotect, seal + 1, PAGE, PROT_NONE) == -EINVAL,
	   "part of a mapping: the kernel refuses an unaligned range, with its own error");
	ok(puppet_call(puppet, SYS_munmap, seal - PAGE, PAGE) == 0,
	   "part of a mapping: the page before can be unmapped");
	ok(puppet_call(puppet, SYS_munmap, seal + 3 * PAGE, PAGE) == 0,
	   "part of a mapping: the page behind can be unmapped");
	after = snapshot(puppet->pid, seal, 3 * PAGE);
	ok(!strcmp(before, after), "part of a mapping: the sealed part has not changed");
	result = puppet_call(puppet, SYS_munmap, start, 16 * PAGE);
	ok(stopped_by_gate(puppet, result), "part of a mapping: munmap of all around it: %s", gate_text());
	free(before);
	free(after);
	puppet_end(puppet);
}

static void several_mappings(void)
{
	static const int protections[] = { PROT_READ, RW, PROT_READ | PROT_EXEC, PROT_NONE, PROT_READ };
	struct puppet *puppet = puppet_new();
	uint64_t start = puppet_pages(puppet, 10, PROT_READ);
	char *before, *after;

	for (size_t i = 0; i < 5; i++)
		puppet_call(puppet, SYS_mprotect, start + i * 2 * PAGE, 2 * PAGE, protections[i]);
	puppet_call(puppet, SYS_mmap, start + 8 * PAGE, 2 * PAGE, PROT_READ,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	/* From the middle of the first to the middle of the last. */
	must_seal(puppet->pid, start + PAGE, 8 * PAGE);
	before = snapshot(puppet->pid, start, 10 * PAGE);
	for (uint64_t i = 1; i < 9; i++)
		ok(denied(puppet, start + i * PAGE, PAGE), "several mappings: page %lu is sealed", i);
	after = snapshot(puppet->pid, start, 10 * PAGE);
	ok(!strcmp(before, after), "several mappings: nothing has changed");
	ok(allowed(puppet, start, PAGE) && allowed(puppet, start + 9 * PAGE, PAGE),
	   "several mappings: the page before and the page behind can be changed");
	free(before);
	free(after);
	puppet_end(puppet);
}

static void adjacent_and_overlapping(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t start = puppet_pages(puppet, 32, PROT_READ), page;
	long result;

	must_seal(puppet->pid, start + 2 * PAGE, 2 * PAGE);
	must_seal(puppet->pid, start + 4 * PAGE, 2 * PAGE);
	ok(denied(puppet, start + 3 * PAGE, 2 * PAGE), "adjacent seals: over their common border");
	ok(allowed(puppet, start + PAGE, PAGE) && allowed(puppet, start + 6 * PAGE, PAGE),
	   "adjacent seals: beside both");
	must_seal(puppet->pid, start + 10 * PAGE, 4 * PAGE);
	must_seal(puppet->pid, start + 12 * PAGE, 4 * PAGE);
	must_seal(puppet->pid, start + 9 * PAGE, 2 * PAGE);
	for (page = 9; page < 16; page++)
		ok(denied(puppet, start + page * PAGE, PAGE), "overlapping seals: page %lu", page);
	ok(allowed(puppet, start + 8 * PAGE, PAGE) && allowed(puppet, start + 16 * PAGE, PAGE),
	   "overlapping seals: beside all of them");
	must_seal(puppet->pid, start + 20 * PAGE, 8 * PAGE);
	must_seal(puppet->pid, start + 22 * PAGE, 2 * PAGE);
	must_seal(puppet->pid, start + 20 * PAGE, 8 * PAGE);
	ok(daemon_says_sealed(puppet->pid, start + 20 * PAGE, 8 * PAGE),
	   "a seal within a seal, and once more: listed");
	ok(denied(puppet, start + 20 * PAGE, PAGE) && denied(puppet, start + 27 * PAGE, PAGE) &&
		   denied(puppet, start + 23 * PAGE, PAGE),
	   "a seal within a seal: all of it is sealed");
	/* A call on several seals and the memory between. */
	ok(denied(puppet, start, 32 * PAGE), "a call over several seals");
	ok(denied(puppet, start + 6 * PAGE, 5 * PAGE), "a call over a gap into a seal");
	ok(allowed(puppet, start + 16 * PAGE, 4 * PAGE), "a call that fills a gap exactly");
	result = puppet_call(puppet, SYS_munmap, start + 15 * PAGE, 5 * PAGE);
	ok(stopped_by_gate(puppet, result), "munmap of the end of a seal and a gap: %s", gate_text());
	puppet_end(puppet);
}

/* --- ten thousand --- */

#define MANY 10000ul

/* start: changes every gap; returns the first that cannot be changed, or 0. */
static long change_gaps(const long arguments[6])
{
	for (long i = 0; i < (long)MANY; i++) {
		long gap = arguments[0] + (2 * i + 1) * (long)PAGE;

		if (RAW(SYS_mprotect, gap, PAGE, RW) || RAW(SYS_mprotect, gap, PAGE, PROT_READ))
			return gap;
	}
	return 0;
}

/* start: tries every seal; returns the first that is not denied, or 0. */
static long attack_seals(const long arguments[6])
{
	for (long i = 0; i < (long)MANY; i++) {
		long seal = arguments[0] + 2 * i * (long)PAGE;

		if (RAW(SYS_mprotect, seal, PAGE, RW) != -EPERM)
			return seal;
	}
	return 0;
}

static void ten_thousand(void)
{
	static const unsigned long interesting[] = { 0,	   1,	     31,   32,	 33,	   1023,    1024,
						     1025, MANY / 2, 9215, 9216, MANY - 2, MANY - 1 };
	struct range *ranges = calloc(MANY, sizeof(*ranges));
	struct puppet *puppet = puppet_new(), *child;
	uint64_t start = puppet_pages(puppet, 2 * MANY, PROT_READ), seal;
	const char *error;
	json_t *reply = NULL, *seals;
	long result;

	for (unsigned long i = 0; i < MANY; i++)
		ranges[i] = (struct range){ start + 2 * i * PAGE, start + (2 * i + 1) * PAGE };
	error = daemon_seal(&(struct seal_order){ .pid = puppet->pid, .ranges = ranges, .count = MANY },
			    &reply);
	ok(!error, "10,000 seals in one request (%s %s)", error ?: "fine",
	   error ? daemon_error_message() : "");
	ok(json_number(reply, "ranges") == (int64_t)MANY &&
		   json_number(reply, "bytes") == (int64_t)(MANY * PAGE),
	   "10,000 seals: the reply counts them and their bytes");
	json_decref(reply);
	seals = daemon_seals(puppet->pid);
	ok(json_array_size(seals) == MANY, "10,000 seals: all are listed");
	json_decref(seals);
	for (size_t i = 0; i < sizeof(interesting) / sizeof(*interesting); i++) {
		seal = start + 2 * interesting[i] * PAGE;
		ok(denied(puppet, seal, PAGE), "10,000 seals: number %lu", interesting[i]);
		ok(denied(puppet, seal - PAGE, 3 * PAGE), "10,000 seals: around number %lu", interesting[i]);
		ok(allowed(puppet, seal + PAGE, PAGE), "10,000 seals: the gap behind number %lu",
		   interesting[i]);
	}
	ok(allowed(puppet, start - PAGE, PAGE), "10,000 seals: the page before all");
	result = puppet_run(puppet, attack_seals, (long)start);
	ok(result == 0, "10,000 seals: each denies (%#lx)", result);
	result = puppet_run(puppet, change_gaps, (long)start);
	ok(result == 0, "10,000 seals: each gap can be changed (%#lx)", result);
	ok(denied(puppet, start, 2 * MANY * PAGE), "10,000 seals: a call over all of them");
	child = puppet_clone(puppet, 0, NULL);
	result = puppet_run(child, attack_seals, (long)start);
	ok(result == 0, "10,000 seals: each denies in a child (%#lx)", result);
	puppet_end(child);
	must_seal(puppet->pid, start + PAGE, PAGE);
	ok(denied(puppet, start + PAGE, PAGE) && denied(puppet, start + 2 * (MANY - 1) * PAGE, PAGE),
	   "10,000 seals: and one more");
	result = puppet_call(puppet, SYS_munmap, start + (2 * MANY - 3) * PAGE, 2 * PAGE);
	/* Too many to be made native. */
	ok(stopped_by_program(puppet, result), "10,000 seals: munmap of a gap and the last: %s",
	   program_text());
	free(ranges);
	puppet_end(puppet);
}

/* --- all or nothing --- */

/* Eight mappings of two pages in a row, each different from its neighbours; the last is sealed. */
static struct puppet *mappings_in_a_row(uint64_t *ret_start)
{
	struct puppet *puppet = puppet_new();
	uint64_t start = puppet_pages(puppet, 16, PROT_READ);

	for (uint64_t i = 1; i < 8; i += 2)
		puppet_call(puppet, SYS_mprotect, start + i * 2 * PAGE, 2 * PAGE,
			    i % 4 == 1 ? RW : PROT_NONE);
	/* The last is read-only, so that advice that discards is also denied there. */
	puppet_call(puppet, SYS_mprotect, start + 14 * PAGE, 2 * PAGE, PROT_READ | PROT_EXEC);
	*ret_start = start;
	return puppet;
}

enum { OVER_MPROTECT, OVER_MMAP, OVER_MUNMAP, OVER_MADVISE, OVER_MREMAP_ONTO, OVER_MREMAP_FROM, OVER_COUNT };

static const char *const over_names[] = { "mprotect",	      "mmap(MAP_FIXED)",
					  "munmap",	      "madvise(MADV_DONTNEED)",
					  "mremap onto them", "mremap of them" };

static long call_over(struct puppet *puppet, int how, uint64_t start)
{
	const long length = 16 * PAGE;
	long source;

	switch (how) {
	case OVER_MPROTECT: return puppet_call(puppet, SYS_mprotect, start, length, RW);
	case OVER_MMAP:
		return puppet_call(puppet, SYS_mmap, start, length, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0);
	case OVER_MUNMAP: return puppet_call(puppet, SYS_munmap, start, length);
	case OVER_MADVISE: return puppet_call(puppet, SYS_madvise, start, length, MADV_DONTNEED);
	default:
		source = puppet_call(puppet, SYS_mmap, 0, length, PROT_READ, ANONYMOUS, -1, 0);
		if (how == OVER_MREMAP_ONTO)
			return puppet_call(puppet, SYS_mremap, source, length, length,
					   MREMAP_MAYMOVE | MREMAP_FIXED, start);
		/* Several mappings at once: since 6.17. */
		return puppet_call(puppet, SYS_mremap, start, length, length, MREMAP_MAYMOVE | MREMAP_FIXED,
				   source);
	}
}

static void over_mappings(int how)
{
	const char *name = over_names[how];
	struct puppet *puppet;
	char *before, *after;
	uint64_t start;
	long result;

	puppet = mappings_in_a_row(&start);
	before = snapshot(puppet->pid, start, 16 * PAGE);
	result = call_over(puppet, how, start);
	after = puppet->dead ? strdup("dead") : snapshot(puppet->pid, start, 16 * PAGE);
	puppet_end(puppet);
	if (result == -EFAULT) {
		skip("this kernel takes one mapping at a time", "%s, the last one sealed, changes none",
		     name);
	} else if (ok(result >= 0 && strcmp(before, after), "%s over eight mappings: not sealed, it succeeds",
		      name)) {
		puppet = mappings_in_a_row(&start);
		must_seal(puppet->pid, start + 14 * PAGE, 2 * PAGE);
		free(before);
		free(after);
		before = snapshot(puppet->pid, start, 16 * PAGE);
		result = call_over(puppet, how, start);
		if (how == OVER_MPROTECT || how == OVER_MMAP)
			ok(result == -EPERM, "%s, the last one sealed: EPERM (%s)", name,
			   puppet_text(puppet, result));
		else
			ok(stopped_by_gate(puppet, result), "%s, the last one sealed: %s (%s)", name,
			   gate_text(), puppet_text(puppet, result));
		after = puppet->dead ? strdup(before) : snapshot(puppet->pid, start, 16 * PAGE);
		if (how == OVER_MADVISE && native_expected() && !gate_is_override())
			skip("mseal(2) refuses mapping by mapping: docs/design/model.md, \"What is denied\"",
			     "%s, the last one sealed, changes none", name);
		else if (!ok(!strcmp(before, after), "%s, the last one sealed, changes none", name))
			diag("before:\n%safter:\n%s", before, after);
		puppet_end(puppet);
	}
	free(before);
	free(after);
}

/* --- while mappings change --- */

static struct puppet *with_thread(struct puppet **ret_thread)
{
	struct puppet *puppet = puppet_new();

	*ret_thread = puppet_clone(puppet, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES,
				   NULL);
	return puppet;
}

static const char *seal_patiently(pid_t pid, uint64_t start, uint64_t length)
{
	const char *error = NULL;

	for (int tries = 0; tries < 20; tries++) {
		error = seal_range(pid, start, length);
		if (!error || strcmp(error, "Changing"))
			break;
	}
	return error;
}

/* start, pages, address of the stop flag: maps, unmaps and protects every odd page. */
static long stir(const long arguments[6])
{
	_Atomic uint32_t *stop = (_Atomic uint32_t *)arguments[2];
	long rounds = 0;

	for (; !atomic_load(stop); rounds++)
		for (long i = 1; i < arguments[1]; i += 2) {
			long page = arguments[0] + i * (long)PAGE;

			if (RAW(SYS_munmap, page, PAGE) ||
			    RAW(SYS_mmap, page, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0) != page ||
			    RAW(SYS_mprotect, page, PAGE, PROT_NONE) ||
			    RAW(SYS_mprotect, page, PAGE, PROT_READ))
				return -1;
		}
	return rounds;
}

static void sealed_while_neighbours_change(void)
{
	struct puppet *thread, *puppet = with_thread(&thread);
	uint64_t start = puppet_pages(puppet, 201, PROT_READ);
	_Atomic uint32_t *stop = puppet_data(puppet);
	const unsigned seals = brief(100, 15);
	unsigned failed = 0, open = 0;
	const char *error = NULL;
	long rounds;

	*stop = 0;
	puppet_start(thread, stir, (long)start, 201, (long)stop);
	for (uint64_t i = 0; i < seals; i++) {
		error = seal_patiently(puppet->pid, start + 2 * i * PAGE, PAGE);
		if (error) {
			failed++;
			diag("sealing page %lu: %s %s", 2 * i, error, daemon_error_message());
		} else if (!denied(puppet, start + 2 * i * PAGE, PAGE)) {
			open++;
		}
	}
	ok(failed == 0, "%u seals while a thread changes the pages between: all made", seals);
	ok(open == 0, "%u seals while a thread changes the pages between: each holds once it is made", seals);
	atomic_store(stop, 1);
	rounds = puppet_result(thread);
	ok(rounds > 0, "%u seals while a thread changes the pages between: it could all the time", seals);
	diag("it went round %ld times", rounds);
	for (uint64_t i = 0; i < seals; i++)
		open += !denied(puppet, start + 2 * i * PAGE, PAGE);
	ok(open == 0, "%u seals while a thread changes the pages between: all hold", seals);
	puppet_end(thread);
	puppet_end(puppet);
}

/* page, address of the stop flag: changes this page until it fails; returns the errno. */
static long fight(const long arguments[6])
{
	_Atomic uint32_t *stop = (_Atomic uint32_t *)arguments[1];
	long page = arguments[0], result;

	while (!atomic_load(stop)) {
		result = RAW(SYS_mprotect, page, PAGE, PROT_NONE);
		if (result)
			return result;
		result = RAW(SYS_mprotect, page, PAGE, PROT_READ);
		if (result)
			return result;
		result = RAW(SYS_munmap, page, PAGE);
		if (result)
			return result;
		/* Without MAP_FIXED: no mapping may take the place of a sealed page. */
		result = RAW(SYS_mmap, page, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		if (result != page)
			return result;
	}
	return 0;
}

static void sealed_while_it_changes(void)
{
	unsigned sealed = 0, refused = 0, gone = 0, changed = 0, killed = 0, times = brief(40, 12);

	for (unsigned i = 0; i < times; i++) {
		struct puppet *thread, *puppet = with_thread(&thread);
		uint64_t page = puppet_pages(puppet, 1, PROT_READ);
		_Atomic uint32_t *stop = puppet_data(puppet);
		const char *error;
		char first[5];

		*stop = 0;
		puppet_start(thread, fight, (long)page, (long)stop);
		nap((int)i % 7);
		error = seal_range(puppet->pid, page, PAGE);
		if (error && (!strcmp(error, "Changing") || !strcmp(error, "NotMapped") ||
			      !strcmp(error, "NoSuchProcess"))) {
			refused++;
		} else if (error) {
			diag("sealing a page that changes: %s %s", error, daemon_error_message());
			gone++;
		} else {
			sealed++;
			if (puppet_died(puppet, 50)) {
				killed++;
			} else {
				strcpy(first, protection_of(puppet->pid, page));
				nap(30);
				/* A kill may take the page with it; a living process must keep it. */
				if (!puppet_died(puppet, 0)) {
					gone += !first[0];
					changed += !!strcmp(first, protection_of(puppet->pid, page));
				}
			}
		}
		atomic_store(stop, 1);
		puppet_result(thread);
		puppet_end(thread);
		puppet_end(puppet);
	}
	diag("of %u pages that change all the time %u were sealed (%u of these died at it), %u refused",
	     times, sealed, killed, refused);
	/*
	 * A thread that never sleeps may have passed a gate already: docs/threat-model.md, Races. Must be
	 * rare.
	 */
	if (gone)
		diag("%u of them went all the same", gone);
	ok(sealed + refused == times && gone <= 2,
	   "a page that comes and goes is sealed while it is there, or not at all");
	ok(killed == 0 || !gate_denies(),
	   "a page that comes and goes: nobody dies of it where a gate can say no");
	ok(changed == 0, "a page that changes all the time stays as it is once it is sealed");
}

/* The map of a freed set is reused: its old contents after the last new seal are no seals. */
static void seals_of_an_older_set(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t start = puppet_pages(puppet, 256, PROT_READ);
	struct range ranges[128];
	struct seal_order order = { .pid = puppet->pid, .ranges = ranges, .count = 128, .revocable = true };

	for (size_t i = 0; i < 128; i++)
		ranges[i] = (struct range){ start + 2 * i * PAGE, start + (2 * i + 1) * PAGE };
	ok(!daemon_seal(&order, NULL) && denied(puppet, start + 200 * PAGE, PAGE),
	   "128 seals: the 101st denies");
	ok(!daemon_unseal(puppet->pid, NULL, 0) && allowed(puppet, start + 200 * PAGE, PAGE),
	   "taken back: it does not");
	/* After this time the set is collected. */
	nap(6000);
	order.count = 64;
	ok(!daemon_seal(&order, NULL) && denied(puppet, start + 126 * PAGE, PAGE),
	   "the first 64 again: the last of them denies");
	ok(allowed(puppet, start + 200 * PAGE, PAGE), "the 101st does not");
	puppet_end(puppet);
}

int main(int argc, char **argv)
{
	struct puppet *keeper;
	int64_t before;

	puppet_main(argc, argv);
	(void)gate_is_override();
	daemon_start();
	/* Policies of an earlier test may have sealed processes that run as long as this VM. */
	before = status_number("spaces");
	/* One process stays sealed, so that the programs stay attached all the time. */
	keeper = puppet_new();
	must_seal(keeper->pid, puppet_pages(keeper, 1, PROT_READ), PAGE);
	part_of_a_mapping();
	several_mappings();
	adjacent_and_overlapping();
	seals_of_an_older_set();
	ten_thousand();
	for (int how = 0; how < OVER_COUNT; how++)
		over_mappings(how);
	sealed_while_neighbours_change();
	sealed_while_it_changes();
	ok(status_becomes("spaces", before + 1, 20), "nothing is left but the one that was sealed at first");
	puppet_end(keeper);
	ok(status_becomes("spaces", before, 20), "no sealed address space is left");
	daemon_stop(SIGTERM);
	return tap_end();
}
