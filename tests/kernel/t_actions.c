/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Properties of seals: actions, deny masks, and revocation. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static void seal_as(struct puppet *puppet, uint64_t start, unsigned long pages, const char *deny,
		    const char *action, bool revocable)
{
	struct range range = { start, start + pages * PAGE };
	const char *error = daemon_seal(&(struct seal_order){ .pid = puppet->pid,
							      .ranges = &range,
							      .count = 1,
							      .deny = deny,
							      .action = action,
							      .revocable = revocable },
					NULL);

	if (error)
		bail("sealing with deny %s, action %s: %s %s", deny ?: "default", action ?: "default", error,
		     daemon_error_message());
}

static const char *unseal_page(struct puppet *puppet, uint64_t start)
{
	return daemon_unseal(puppet->pid, &(struct range){ start, start + PAGE }, 1);
}

static long protect(struct puppet *puppet, uint64_t start, unsigned long pages)
{
	return puppet_call(puppet, SYS_mprotect, start, pages * PAGE, PROT_READ | PROT_WRITE);
}

static long map_over(struct puppet *puppet, uint64_t start)
{
	return puppet_call(puppet, SYS_mmap, start, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0);
}

static bool killed(struct puppet *puppet, long result)
{
	return result == PUPPET_DEAD && WIFSIGNALED(puppet->status) && WTERMSIG(puppet->status) == SIGKILL;
}

/* --- actions --- */

static void audit(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t start = puppet_pages(puppet, 6, PROT_READ);
	int64_t audited = status_number("audited"), denied = status_number("denied");
	struct monitor monitor;
	static const char *const operations[] = { "mprotect", "madvise", "mremap", "munmap", "mmap" };

	seal_as(puppet, start, 4, NULL, "audit", false);
	monitor_open(&monitor, puppet->pid);
	ok(protect(puppet, start, 4) == 0, "audit: mprotect is let through");
	ok(!strcmp(protection_of(puppet->pid, start), "rw-p"), "audit: and has its effect");
	/* It was sealed while read-only, so advice still counts. */
	ok(puppet_call(puppet, SYS_madvise, start, PAGE, MADV_DONTNEED) == 0,
	   "audit: madvise is let through");
	ok(puppet_call(puppet, SYS_mremap, start + 2 * PAGE, 2 * PAGE, PAGE, 0) > 0,
	   "audit: mremap is let through");
	ok(puppet_call(puppet, SYS_munmap, start + PAGE, PAGE) == 0, "audit: munmap is let through");
	ok(map_over(puppet, start) == (long)start, "audit: mmap over it is let through");
	ok(puppet_call(puppet, SYS_mmap, start + PAGE, PAGE, PROT_READ, ANONYMOUS, -1, 0) ==
		   (long)(start + PAGE),
	   "audit: unmapped memory can be mapped again");
	for (size_t i = 0; i < 5; i++) {
		json_t *event = monitor_next(&monitor, 10000);

		/* Events come twice while the programs of another daemon are still being detached. */
		while (i > 0 && event && !strcmp(json_text(event, "operation"), operations[i - 1])) {
			json_decref(event);
			event = monitor_next(&monitor, 10000);
		}
		ok(!strcmp(json_text(event, "operation"), operations[i]) &&
			   !strcmp(json_text(event, "verdict"), "audited"),
		   "audit: %s is an event (%s %s)", operations[i], json_text(event, "operation"),
		   json_text(event, "verdict"));
		json_decref(event);
	}
	monitor_close(&monitor);
	ok(status_number("audited") >= audited + 5 && status_number("denied") == denied,
	   "audit: counted as such");
	ok(!puppet_died(puppet, 0), "audit: nobody dies");
	puppet_end(puppet);
}

static void kills(void)
{
	int64_t count = status_number("killed");

	for (int how = 0; how < 3; how++) {
		static const char *const names[] = { "mprotect", "mmap over it", "munmap" };
		struct puppet *puppet = puppet_new();
		uint64_t start = puppet_pages(puppet, 3, PROT_READ) + PAGE;
		long result;

		seal_as(puppet, start, 1, NULL, "kill", false);
		ok(protect(puppet, start - PAGE, 1) == 0 && protect(puppet, start + PAGE, 1) == 0,
		   "kill: beside it mprotect is allowed");
		result = how == 0 ? protect(puppet, start, 1) :
			 how == 1 ? map_over(puppet, start) :
				    puppet_call(puppet, SYS_munmap, start, PAGE);
		ok(killed(puppet, result), "kill: %s: SIGKILL (%s)", names[how], puppet_text(puppet, result));
		puppet_end(puppet);
	}
	ok(status_number("killed") == count + 3, "kill: counted");
}

static void kills_all_who_share(void)
{
	struct puppet *puppet = puppet_new(), *sharer = puppet_clone(puppet, 0x100 /* CLONE_VM */, NULL);
	uint64_t start = puppet_pages(puppet, 1, PROT_READ);

	seal_as(puppet, start, 1, NULL, "kill", false);
	ok(killed(sharer, protect(sharer, start, 1)), "kill: one of two that share the memory");
	ok(puppet_died(puppet, 10000), "kill: the other one dies as well");
	puppet_end(sharer);
	puppet_end(puppet);
}

static void strongest_wins(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t start = puppet_pages(puppet, 12, PROT_READ);

	/* 0-3 audit, 2-5 deny, and 4-7 kill on top: 2 and 3 deny, 4 and 5 kill. */
	seal_as(puppet, start, 4, NULL, "audit", false);
	seal_as(puppet, start + 2 * PAGE, 4, NULL, "deny", false);
	ok(protect(puppet, start, 2) == 0, "audit alone lets through");
	ok(protect(puppet, start + 2 * PAGE, 1) == -EPERM, "audit and deny: denied");
	ok(protect(puppet, start, 3) == -EPERM, "a call from audit into deny: denied");
	ok(!strcmp(protection_of(puppet->pid, start + 2 * PAGE), "r--p"), "and nothing has changed");
	/* A weaker seal later does not weaken. */
	seal_as(puppet, start + 4 * PAGE, 1, NULL, "audit", true);
	ok(protect(puppet, start + 4 * PAGE, 1) == -EPERM, "deny, then audit on top: denied");
	ok(!daemon_unseal(puppet->pid, NULL, 0), "the audit is taken back");
	ok(protect(puppet, start + 4 * PAGE, 1) == -EPERM, "deny stays");
	seal_as(puppet, start + 8 * PAGE, 1, "mprotect", "deny", false);
	seal_as(puppet, start + 8 * PAGE, 1, "unmap", "audit", false);
	ok(protect(puppet, start + 8 * PAGE, 1) == -EPERM,
	   "mprotect denied, unmap audited: mprotect is denied");
	ok(map_over(puppet, start + 8 * PAGE) > 0, "mprotect denied, unmap audited: mmap is let through");
	seal_as(puppet, start + 5 * PAGE, 2, NULL, "kill", false);
	ok(protect(puppet, start + 4 * PAGE, 1) == -EPERM, "deny beside kill: denied");
	ok(killed(puppet, protect(puppet, start + 4 * PAGE, 2)), "a call from deny into kill: killed");
	puppet_end(puppet);

	puppet = puppet_new();
	start = puppet_pages(puppet, 4, PROT_READ);
	seal_as(puppet, start, 1, NULL, "kill", false);
	seal_as(puppet, start, 1, NULL, "deny", false);
	seal_as(puppet, start, 1, NULL, "audit", false);
	ok(killed(puppet, protect(puppet, start, 1)), "kill, deny and audit: killed");
	puppet_end(puppet);
}

/* --- deny masks --- */

static void masks(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t start = puppet_pages(puppet, 8, PROT_READ);
	long result;

	seal_as(puppet, start, 1, "mprotect", NULL, false);
	ok(protect(puppet, start, 1) == -EPERM, "deny=mprotect: mprotect is denied");
	ok(puppet_call(puppet, SYS_madvise, start, PAGE, MADV_DONTNEED) == 0,
	   "deny=mprotect: madvise is allowed");
	ok(map_over(puppet, start) == (long)start, "deny=mprotect: mmap is allowed");
	ok(puppet_call(puppet, SYS_munmap, start, PAGE) == 0, "deny=mprotect: munmap is allowed");

	seal_as(puppet, start + 2 * PAGE, 1, "discard", NULL, false);
	ok(protect(puppet, start + 2 * PAGE, 1) == 0, "deny=discard: mprotect is allowed");
	ok(puppet_call(puppet, SYS_munmap, start + 2 * PAGE, PAGE) == 0, "deny=discard: munmap is allowed");

	seal_as(puppet, start + 4 * PAGE, 2, "unmap", NULL, false);
	ok(protect(puppet, start + 4 * PAGE, 1) == 0, "deny=unmap: mprotect is allowed");
	ok(puppet_call(puppet, SYS_madvise, start + 4 * PAGE, PAGE, MADV_DONTNEED) == 0,
	   "deny=unmap: madvise is allowed");
	ok(map_over(puppet, start + 4 * PAGE) == -EPERM, "deny=unmap: mmap is denied");
	result = puppet_call(puppet, SYS_munmap, start + 4 * PAGE, PAGE);
	ok(stopped_by_program(puppet, result), "deny=unmap: munmap: %s (%s)", program_text(),
	   puppet_text(puppet, result));
	puppet_end(puppet);

	puppet = puppet_new();
	start = puppet_pages(puppet, 2, PROT_READ);
	seal_as(puppet, start, 1, "discard", NULL, false);
	result = puppet_call(puppet, SYS_madvise, start, PAGE, MADV_DONTNEED);
	ok(stopped_by_program(puppet, result), "deny=discard: madvise: %s (%s)", program_text(),
	   puppet_text(puppet, result));
	puppet_end(puppet);
}

/* --- revoking --- */

static void revocable(void)
{
	struct puppet *puppet = puppet_new(), *child;
	uint64_t start = puppet_pages(puppet, 12, PROT_READ);
	const char *error;

	seal_as(puppet, start, 6, NULL, NULL, true);
	ok(protect(puppet, start, 1) == -EPERM, "revocable: denied while it is sealed");
	child = puppet_clone(puppet, 0, NULL);
	error = unseal_page(puppet, start + 2 * PAGE);
	ok(!error, "revocable: one page is unsealed (%s)", error ?: "fine");
	ok(protect(puppet, start + 2 * PAGE, 1) == 0, "revocable: it can be changed");
	ok(protect(puppet, start + PAGE, 1) == -EPERM && protect(puppet, start + 3 * PAGE, 1) == -EPERM,
	   "revocable: the pages beside stay sealed");
	ok(protect(puppet, start + PAGE, 3) == -EPERM, "revocable: and a call over all three is denied");
	ok(protect(child, start + 2 * PAGE, 1) == -EPERM, "revocable: a child keeps the seal");
	ok(!daemon_unseal(child->pid, NULL, 0), "revocable: the child is unsealed, all of it");
	ok(protect(child, start, 6) == 0, "revocable: the child can change it");
	ok(puppet_call(child, SYS_munmap, start, 6 * PAGE) == 0, "revocable: and unmap it");
	ok(protect(puppet, start, 1) == -EPERM, "revocable: its parent keeps the seal");
	ok(status_becomes("spaces", 1, 10), "revocable: a process without a seal is no longer listed");
	ok(!daemon_unseal(puppet->pid, NULL, 0), "revocable: the parent is unsealed, all of it");
	ok(protect(puppet, start, 6) == 0 && puppet_call(puppet, SYS_munmap, start, PAGE) == 0,
	   "revocable: the parent can change and unmap it");
	error = daemon_unseal(puppet->pid, NULL, 0);
	ok(error && !strcmp(error, "NotSealed"), "unseal of memory that is not sealed: NotSealed (%s)",
	   error ?: "no error");
	seal_as(puppet, start + 6 * PAGE, 1, NULL, NULL, false);
	ok(protect(puppet, start + 6 * PAGE, 1) == -EPERM, "and it can be sealed again");
	puppet_end(child);
	puppet_end(puppet);
}

static void permanent(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t start = puppet_pages(puppet, 12, PROT_READ);
	const char *error;

	must_seal(puppet->pid, start, 2 * PAGE);
	error = unseal_page(puppet, start);
	ok(error && !strcmp(error, "NotRevocable"), "permanent: unseal is refused, NotRevocable (%s)",
	   error ?: "no error");
	ok(daemon_error_message()[0], "permanent: with a message: %s", daemon_error_message());
	ok(protect(puppet, start, 1) == -EPERM, "permanent: still denied");
	error = daemon_unseal(puppet->pid, NULL, 0);
	ok(error && !strcmp(error, "NotRevocable"), "permanent: unseal of all is refused (%s)",
	   error ?: "no error");
	ok(protect(puppet, start, 1) == -EPERM && daemon_says_sealed(puppet->pid, start, 2 * PAGE),
	   "permanent: still denied and listed");

	/* Both on the same page: the permanent seal stays, in either order. */
	seal_as(puppet, start + 4 * PAGE, 1, "mprotect", NULL, false);
	seal_as(puppet, start + 4 * PAGE, 1, "unmap", NULL, true);
	seal_as(puppet, start + 6 * PAGE, 1, NULL, NULL, true);
	seal_as(puppet, start + 6 * PAGE, 1, NULL, NULL, false);
	error = unseal_page(puppet, start + 4 * PAGE);
	ok(error && !strcmp(error, "NotRevocable") && map_over(puppet, start + 4 * PAGE) == -EPERM,
	   "permanent and revocable: a range that is partly permanent is refused, and nothing taken back");
	ok(!daemon_unseal(puppet->pid, NULL, 0),
	   "permanent and revocable: all that is revocable can be taken back");
	ok(protect(puppet, start + 4 * PAGE, 1) == -EPERM,
	   "permanent and revocable: the permanent seal stays");
	ok(map_over(puppet, start + 4 * PAGE) > 0, "permanent and revocable: the revocable seal goes");
	ok(protect(puppet, start + 6 * PAGE, 1) == -EPERM && map_over(puppet, start + 6 * PAGE) == -EPERM,
	   "revocable, then permanent: all stays");

	/* Not aligned, reversed: refused, nothing happens. */
	seal_as(puppet, start + 8 * PAGE, 2, NULL, NULL, true);
	error = daemon_unseal(puppet->pid, &(struct range){ start + 8 * PAGE + 1, start + 9 * PAGE }, 1);
	ok(error && !strcmp(error, "InvalidRange"),
	   "unseal of a range that is not aligned: InvalidRange (%s)", error ?: "no error");
	error = daemon_unseal(puppet->pid, &(struct range){ start + 9 * PAGE, start + 8 * PAGE }, 1);
	ok(error && !strcmp(error, "InvalidRange"), "unseal of a reversed range: InvalidRange (%s)",
	   error ?: "no error");
	ok(protect(puppet, start + 8 * PAGE, 1) == -EPERM && protect(puppet, start + 9 * PAGE, 1) == -EPERM,
	   "and both pages stay sealed");
	puppet_end(puppet);
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	daemon_start();
	audit();
	kills();
	kills_all_who_share();
	strongest_wins();
	masks();
	ok(status_becomes("spaces", 0, 10), "nothing is left before seals are taken back");
	revocable();
	permanent();
	daemon_stop(SIGTERM);
	return tap_end();
}
