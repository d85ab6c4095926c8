/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each bit of the deny mask protects. mprotect: access to the memory (guard pages, too). discard: its
 * contents (also if only a protection key forbids writes). unmap: its presence (the end of data, from which
 * brk may count).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"
#include "ways.h"

#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ADVICE_GUARD_INSTALL 102 /* missing in some libc's headers */
#define ADVICE_GUARD_REMOVE 103

/* deny: words, NULL: the default */
static void seal(const struct puppet *puppet, uint64_t at, unsigned long pages, const char *deny)
{
	const struct range range = { at, at + pages * PAGE };
	const char *error = daemon_seal(
		&(struct seal_order){
			.pid = puppet->pid, .ranges = &range, .count = 1, .deny = deny, .revocable = true },
		NULL);

	if (error)
		bail("cannot seal with deny %s: %s %s", deny ?: "as usual", error, daemon_error_message());
}

/* Checked from inside: foreign-write denies it to other processes. */
static bool readable(struct puppet *puppet, uint64_t at)
{
	long fd, result;

	strcpy(puppet_data(puppet), "bytes");
	fd = puppet_call(puppet, SYS_memfd_create, (long)puppet_data(puppet), 0);
	result = puppet_call(puppet, SYS_write, fd, at, 8);
	puppet_call(puppet, SYS_close, fd);
	if (result != 8 && result != -EFAULT)
		bail("a puppet cannot write to a file: %s", puppet_text(puppet, result));
	return result == 8;
}

/* --- guard pages --- */

static const struct {
	const char *deny;
	bool denies_install, denies_remove;
} denials[] = {
	{ NULL, true, true },	    { "all", true, true },
	{ "mprotect", true, true }, { "unmap,discard", false, false },
	{ "unmap", false, false },
};

static void guard_page(const char *deny, bool denies, bool remove)
{
	const char *name = remove ? "MADV_GUARD_REMOVE" : "MADV_GUARD_INSTALL";
	struct puppet *puppet = puppet_new();
	uint64_t at = puppet_pages(puppet, 6, READ_WRITE);
	long advice = remove ? ADVICE_GUARD_REMOVE : ADVICE_GUARD_INSTALL, result = 0;

	if (remove)
		result = puppet_call(puppet, SYS_madvise, at, 6 * PAGE, ADVICE_GUARD_INSTALL);
	/* Unsealed: the last two pages. */
	if (!result)
		result = puppet_call(puppet, SYS_madvise, at + 4 * PAGE, 2 * PAGE, advice);
	if (result == -EINVAL) {
		skip("this kernel has no guard pages", "%s, --deny=%s", name, deny ?: "as usual");
		puppet_end(puppet);
		return;
	}
	ok(result == 0 && readable(puppet, at + 4 * PAGE) == remove, "%s: not sealed, it works (%s)", name,
	   puppet_text(puppet, result));
	seal(puppet, at, 3, deny);
	result = puppet_call(puppet, SYS_madvise, at + 3 * PAGE, PAGE, advice);
	ok(result == 0 && readable(puppet, at + 3 * PAGE) == remove,
	   "%s, --deny=%s: beside the seal it works (%s)", name, deny ?: "as usual",
	   puppet_text(puppet, result));
	result = puppet_call(puppet, SYS_madvise, at + PAGE, PAGE, advice);
	if (denies)
		ok(stopped_by_program(puppet, result), "%s, --deny=%s: %s (%s)", name, deny ?: "as usual",
		   program_text(), puppet_text(puppet, result));
	else
		ok(result == 0 && readable(puppet, at + PAGE) == remove, "%s, --deny=%s: it works (%s)", name,
		   deny ?: "as usual", puppet_text(puppet, result));
	if (denies && !puppet_died(puppet, 0))
		ok(readable(puppet, at + PAGE) != remove, "%s, --deny=%s: nothing has changed", name,
		   deny ?: "as usual");
	puppet_end(puppet);
}

/* --- protection keys --- */

/* A thread may change its key at any time: any key but 0 may forbid writes. */
static void with_key(bool permanent, const char *what, long advice)
{
	struct puppet *puppet = puppet_new();
	uint64_t at = puppet_pages(puppet, 4, READ_WRITE);
	long key = puppet_call(puppet, SYS_pkey_alloc, 0, 0), result;
	char *before, *after;

	if (key < 0) {
		skip(puppet_text(puppet, key), "%s of memory with a protection key: there are none here",
		     what);
		puppet_end(puppet);
		return;
	}
	result = puppet_call(puppet, SYS_pkey_mprotect, at, 4 * PAGE, READ_WRITE, key);
	before = snapshot(puppet->pid, at + 3 * PAGE, PAGE);
	result = result ?: puppet_call(puppet, SYS_madvise, at + 3 * PAGE, PAGE, advice);
	after = snapshot(puppet->pid, at + 3 * PAGE, PAGE);
	ok(result == 0 && (advice == MADV_FREE || strcmp(before, after)),
	   "%s, protection key %ld: not sealed, it works (%s)", what, key, puppet_text(puppet, result));
	free(before);
	free(after);
	if (permanent)
		must_seal(puppet->pid, at, 2 * PAGE);
	else
		must_seal_revocably(puppet->pid, at, 2 * PAGE);
	result = puppet_call(puppet, SYS_madvise, at + 2 * PAGE, PAGE, advice);
	ok(result == 0, "%s, protection key: beside the seal it works (%s)", what,
	   puppet_text(puppet, result));
	before = snapshot(puppet->pid, at, 2 * PAGE);
	result = puppet_call(puppet, SYS_madvise, at, PAGE, advice);
	ok(result == -EPERM || stopped_by_program(puppet, result), "%s, protection key, sealed %s: %s (%s)",
	   what, permanent ? "permanently" : "revocably", program_text(), puppet_text(puppet, result));
	if (!puppet_died(puppet, 0)) {
		after = snapshot(puppet->pid, at, 2 * PAGE);
		ok(!strcmp(before, after), "%s, protection key, sealed %s: nothing has changed", what,
		   permanent ? "permanently" : "revocably");
		free(after);
	}
	free(before);
	puppet_end(puppet);
}

/* Key 0 never forbids anything. */
static void with_key_0(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t at = puppet_pages(puppet, 2, READ_WRITE);
	long result = puppet_call(puppet, SYS_pkey_mprotect, at, PAGE, READ_WRITE, 0);

	/* Without keys, only -1 is accepted. */
	if (result) {
		skip(puppet_text(puppet, result), "MADV_DONTNEED of writable memory with key 0");
	} else {
		must_seal_revocably(puppet->pid, at, 2 * PAGE);
		result = puppet_call(puppet, SYS_madvise, at, PAGE, MADV_DONTNEED);
		ok(result == 0, "MADV_DONTNEED of writable memory with key 0: sealed, it works (%s)",
		   puppet_text(puppet, result));
	}
	puppet_end(puppet);
}

/* --- advice by other processes --- */

/* Tries all advice that another process may give (mm/madvise.c): none changes sealed memory. */
static void from_outside(int protection, const char *what)
{
	struct puppet *victim = puppet_new(), *other = puppet_new();
	uint64_t at = puppet_pages(victim, 4, protection);
	struct iovec *vector = puppet_data(other);
	char *before, *after, taken[256] = "";
	long pidfd = puppet_call(other, SYS_pidfd_open, victim->pid, 0), result;
	size_t length = 0;
	bool good = true;

	must_seal(victim->pid, at, 4 * PAGE);
	*vector = (struct iovec){ (void *)at, 4 * PAGE };
	for (long advice = 0; advice < 260 && good; advice++) {
		before = snapshot(victim->pid, at, 4 * PAGE);
		result = puppet_call(other, SYS_process_madvise, pidfd, (long)vector, 1, advice, 0);
		if (result > 0 && length < sizeof(taken) - 8)
			length += (size_t)sprintf(taken + length, " %ld", advice);
		after = snapshot(victim->pid, at, 4 * PAGE);
		good = !puppet_died(victim, 0) && !strcmp(before, after);
		if (!good)
			diag("advice %ld (%s), before:\n%safter:\n%s", advice, puppet_text(other, result),
			     before, after);
		free(before);
		free(after);
	}
	ok(good && length,
	   "process_madvise by another process, %s: what it may advise changes nothing (it may:%s)", what,
	   taken);
	puppet_end(other);
	puppet_end(victim);
}

/* --- the end of data, and the heap --- */

static void end_of_data(long what, const char *name)
{
	struct puppet *puppet = puppet_new(), *other = puppet_new();
	uint64_t at = puppet_pages(puppet, 1, PROT_READ), heap, there = puppet_pages(other, 1, PROT_READ);
	long result;

	heap = (uint64_t)puppet_call(puppet, SYS_brk, 0);
	puppet_call(puppet, SYS_brk, heap + 4 * PAGE);
	/* A place in a mapping; both are forks of the test. */
	heap = ((heap + PAGE - 1) & -PAGE) + PAGE;
	puppet_call(other, SYS_brk, heap + 3 * PAGE);
	result = puppet_call(puppet, SYS_prctl, PR_SET_MM, what, heap, 0, 0);
	ok(result == 0, "PR_SET_MM %s: not sealed, it works (%s)", name, puppet_text(puppet, result));
	must_seal(puppet->pid, at, PAGE);
	result = puppet_call(puppet, SYS_prctl, PR_SET_MM, what, heap + PAGE, 0, 0);
	ok(result == -EPERM, "PR_SET_MM %s: sealed, EPERM (%s)", name, puppet_text(puppet, result));
	seal(other, there, 1, "mprotect,discard");
	result = puppet_call(other, SYS_prctl, PR_SET_MM, what, heap, 0, 0);
	ok(result == 0, "PR_SET_MM %s: not sealed against unmapping, it works (%s)", name,
	   puppet_text(other, result));
	puppet_end(other);
	puppet_end(puppet);
}

/*
 * If brk counts from the end of data (CONFIG_COMPAT_BRK, no randomization), sealed data below the heap stays.
 */
static void break_into_data(void)
{
	struct puppet *puppet;
	uint64_t at, heap;
	long result;

	for (int sealed = 0; sealed < 2; sealed++) {
		puppet = puppet_new();
		heap = ((uint64_t)puppet_call(puppet, SYS_brk, 0) + PAGE - 1) & -PAGE;
		puppet_call(puppet, SYS_brk, heap + 8 * PAGE);
		at = heap + 2 * PAGE;
		if (sealed)
			must_seal_revocably(puppet->pid, at, PAGE);
		/* The heap begins after the seal, data ends before it. */
		result = puppet_call(puppet, SYS_prctl, PR_SET_MM, PR_SET_MM_START_BRK, at + 2 * PAGE, 0, 0);
		if (!sealed)
			ok(result == 0, "the start of the heap: not sealed, it can be moved (%s)",
			   puppet_text(puppet, result));
		result = puppet_call(puppet, SYS_prctl, PR_SET_MM, PR_SET_MM_END_DATA, heap, 0, 0);
		if (result != PUPPET_DEAD)
			puppet_call(puppet, SYS_brk, heap + PAGE);
		if (sealed)
			ok(puppet_died(puppet, 0) || protection_of(puppet->pid, at)[0] == 'r',
			   "the end of data moved, then brk into sealed memory: it is still there");
		puppet_end(puppet);
	}
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	ways_begin();
	for (size_t i = 0; i < sizeof(denials) / sizeof(*denials); i++) {
		guard_page(denials[i].deny, denials[i].denies_install, false);
		guard_page(denials[i].deny, denials[i].denies_remove, true);
	}
	for (int permanent = 1; permanent >= 0; permanent--) {
		with_key(permanent, "MADV_DONTNEED", MADV_DONTNEED);
		with_key(permanent, "MADV_FREE", MADV_FREE);
		with_key(permanent, "MADV_WIPEONFORK", MADV_WIPEONFORK);
	}
	with_key_0();
	from_outside(PROT_READ, "read-only memory");
	from_outside(READ_WRITE, "writable memory");
	end_of_data(PR_SET_MM_END_DATA, "END_DATA");
	break_into_data();
	ways_end();
	daemon_stop(SIGTERM);
	return tap_end();
}
