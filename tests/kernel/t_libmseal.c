// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libmseal in the process that it seals: mseald gives the same errors as mseal(2) of kernels that have it,
 * and the seals hold. For root and for a user.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "libmseal/mseal.h"

#include "asking.h"
#include "attack.h"
#include "daemon.h"
#include "running.h"
#include "tap.h"
#include "victims.h"

#define USER 1000

static const char constant[PAGE] __attribute__((aligned(PAGE))) = "rodata";
static char variable[PAGE] __attribute__((aligned(PAGE))) = "data";
static bool native, kills;

/* --- in the puppet --- */

static long run_mseal(const long a[6])
{
	return mseal((void *)a[0], (size_t)a[1], (unsigned long)a[2]) ? -errno : 0;
}

static long run_after_start(const long a[6])
{
	return mseal_after_start((unsigned long)a[0]) ? -errno : 0;
}

/* --- the test --- */

static void is(const struct puppet *puppet, long result, long wanted, const char *who, const char *name)
{
	char text[32];

	snprintf(text, sizeof(text), "%s", puppet_text(puppet, result));
	ok(result == wanted, "%s: %s: %s", who, name, text);
}

static long protect(struct puppet *puppet, uint64_t page, long protection)
{
	return puppet_call(puppet, SYS_mprotect, page, PAGE, protection);
}

static uint64_t pages(struct puppet *puppet)
{
	return puppet_pages(puppet, 4, PROT_READ);
}

/* Control before: unmapping and the like succeed. The seal is on the second of four pages. */
static void attack(const char *who, uid_t user, const char *name, const long call[7], bool by_gate)
{
	struct puppet *puppet = user ? puppet_of(user, user) : puppet_new();
	uint64_t page = pages(puppet) + PAGE, other = pages(puppet) + PAGE;
	long at[7], result;

	memcpy(at, call, sizeof(at));
	at[1] = (long)other;
	ok(puppet_call_(puppet, at) >= 0, "%s: %s of a page that is not sealed", who, name);
	is(puppet, puppet_run(puppet, run_mseal, page, PAGE, 0), 0, who, "mseal");
	at[1] = (long)page + (long)PAGE;
	ok(puppet_call_(puppet, at) >= 0, "%s: %s of the page beside the seal", who, name);
	at[1] = (long)page;
	result = puppet_call_(puppet, at);
	is(puppet, result, by_gate && kills && !native ? PUPPET_DEAD : -EPERM, who, name);
	puppet_end(puppet);
}

static void attacks(const char *who, uid_t user)
{
	attack(who, user, "mprotect", (const long[7]){ SYS_mprotect, 0, PAGE, PROT_READ | PROT_WRITE },
	       false);
	attack(who, user, "mmap",
	       (const long[7]){ SYS_mmap, 0, PAGE, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1 },
	       false);
	attack(who, user, "munmap", (const long[7]){ SYS_munmap, 0, PAGE }, true);
	attack(who, user, "mremap", (const long[7]){ SYS_mremap, 0, PAGE, 2 * PAGE, MREMAP_MAYMOVE }, true);
	attack(who, user, "madvise", (const long[7]){ SYS_madvise, 0, PAGE, MADV_DONTNEED }, true);
}

/* Each as in mm/mseal.c. */
static void errors(const char *who, uid_t user)
{
	struct puppet *puppet = user ? puppet_of(user, user) : puppet_new();
	uint64_t page = pages(puppet);
	const struct {
		const char *name;
		uint64_t address, length, flags;
		long wanted;
	} rows[] = {
		{ "flags", page, PAGE, 1, -EINVAL },
		{ "unaligned", page + 1, PAGE, 0, -EINVAL },
		{ "unaligned, length 0", page + 1, 0, 0, -EINVAL },
		{ "a length that rounds up to 0", page, -1ul, 0, -EINVAL },
		{ "a length that wraps", page, -PAGE, 0, -EINVAL },
		{ "length 0", page, 0, 0, 0 },
		{ "length 0 where nothing is", 0, 0, 0, 0 },
		{ "nothing is mapped", PAGE, PAGE, 0, -ENOMEM },
		{ "beyond user memory", UINT64_C(1) << 63, PAGE, 0, -ENOMEM },
		{ "a hole in the middle", page, 4 * PAGE, 0, -ENOMEM },
		{ "a hole at the end", page, 3 * PAGE, 0, -ENOMEM },
		{ "a hole at the start", page + 2 * PAGE, 2 * PAGE, 0, -ENOMEM },
	};

	is(puppet, puppet_call(puppet, SYS_munmap, page + 2 * PAGE, PAGE), 0, who, "a hole");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is(puppet,
		   puppet_run(puppet, run_mseal, (long)rows[i].address, (long)rows[i].length,
			      (long)rows[i].flags),
		   rows[i].wanted, who, rows[i].name);
	is(puppet, protect(puppet, page, PROT_READ), 0, who, "and nothing is sealed");
	is(puppet, puppet_run(puppet, run_mseal, page, 1, 0), 0, who, "one byte");
	is(puppet, protect(puppet, page, PROT_READ), -EPERM, who, "is its page");
	is(puppet, protect(puppet, page + PAGE, PROT_READ), 0, who, "and no other");
	is(puppet, puppet_run(puppet, run_mseal, page, 2 * PAGE, 0), 0, who, "sealed twice");
	is(puppet, protect(puppet, page + PAGE, PROT_READ), -EPERM, who, "with more than before");
	puppet_end(puppet);
}

static void family(const char *who, uid_t user)
{
	struct puppet *puppet = user ? puppet_of(user, user) : puppet_new(), *child;
	uint64_t page = pages(puppet);

	is(puppet, puppet_run(puppet, run_mseal, page, PAGE, 0), 0, who, "the parent seals");
	child = puppet_child(puppet, 0);
	is(child, protect(child, page, PROT_READ), -EPERM, who, "a child has the seal");
	is(child, puppet_run(child, run_mseal, page + PAGE, PAGE, 0), 0, who, "and seals");
	is(child, protect(child, page + PAGE, PROT_READ), -EPERM, who, "for itself");
	is(puppet, protect(puppet, page + PAGE, PROT_READ), 0, who, "and not for its parent");
	puppet_end(child);
	child = puppet_child(puppet, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM);
	is(child, puppet_run(child, run_mseal, page + PAGE, PAGE, 0), 0, who, "a thread seals");
	is(puppet, protect(puppet, page + PAGE, PROT_READ), -EPERM, who, "for all of the process");
	puppet_end(child);
	puppet_end(puppet);
}

static void after_start(const char *who, uid_t user)
{
	struct puppet *puppet = user ? puppet_of(user, user) : puppet_new();
	uint64_t text = (uint64_t)run_mseal & -PAGE, libc = (uint64_t)strerror & -PAGE;

	is(puppet, protect(puppet, text, PROT_READ | PROT_EXEC), 0, who, "text is not sealed");
	is(puppet, puppet_run(puppet, run_after_start, 1), -EINVAL, who, "mseal_after_start, flags");
	is(puppet, protect(puppet, text, PROT_READ | PROT_EXEC), 0, who, "text is not sealed yet");
	is(puppet, puppet_run(puppet, run_after_start, 0), 0, who, "mseal_after_start");
	is(puppet, protect(puppet, text, PROT_READ | PROT_EXEC), -EPERM, who, "text");
	is(puppet, protect(puppet, libc, PROT_READ | PROT_EXEC), -EPERM, who, "text of libc");
	is(puppet, protect(puppet, (uint64_t)constant, PROT_READ), -EPERM, who, "rodata");
	is(puppet, protect(puppet, (uint64_t)variable, PROT_READ), -EPERM, who, "data");
	is(puppet, protect(puppet, pages(puppet), PROT_READ), 0, who, "what it maps later is its own");
	is(puppet, puppet_run(puppet, run_after_start, 0), 0, who, "mseal_after_start again");
	puppet_end(puppet);
}

static void not_allowed(void)
{
	struct puppet *puppet = puppet_of(USER, USER);
	uint64_t page = pages(puppet);

	puppet_call(puppet, SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
	is(puppet, puppet_run(puppet, run_mseal, page, PAGE, 0), native ? 0 : -EPERM, "not dumpable",
	   "mseal");
	is(puppet, puppet_run(puppet, run_after_start, 0), -EPERM, "not dumpable", "mseal_after_start");
	puppet_end(puppet);
}

static void no_daemon(const char *when)
{
	struct puppet *puppet = puppet_new();
	uint64_t page = pages(puppet);

	is(puppet, puppet_run(puppet, run_mseal, page, PAGE, 0), native ? 0 : -ENOSYS, when, "mseal");
	is(puppet, puppet_run(puppet, run_mseal, page, PAGE, 1), -EINVAL, when, "mseal, flags");
	is(puppet, puppet_run(puppet, run_after_start, 0), -ENOSYS, when, "mseal_after_start");
	puppet_end(puppet);
}

int main(int argc, char **argv)
{
	const char *gate = getenv("MSEALD_EXPECT_GATE");
	struct puppet *sealed;
	uint64_t page;

	puppet_main(argc, argv);
	native = getenv("MSEALD_EXPECT_NATIVE") != NULL;
	kills = gate && strcmp(gate, "kill") == 0;
	no_daemon("no mseald");
	daemon_start();
	for (unsigned i = 0; i < 2; i++) {
		const char *who = i ? "user" : "root";
		uid_t user = i ? USER : 0;

		if (brief(2, 1) == 1 && turn() % 2 != i)
			continue;
		attacks(who, user);
		errors(who, user);
		family(who, user);
		after_start(who, user);
	}
	not_allowed();
	sealed = puppet_new();
	page = pages(sealed);
	is(sealed, puppet_run(sealed, run_mseal, page, PAGE, 0), 0, "before mseald ends", "mseal");
	ok(daemon_stop(SIGTERM) == 0, "mseald ends");
	is(sealed, protect(sealed, page, PROT_READ), -EPERM, "mseald has ended", "mprotect");
	no_daemon("mseald has ended");
	puppet_end(sealed);
	return tap_end();
}
