/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "abi.h"
#include "hole.h"

#include <errno.h>
#include <linux/mman.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
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
#include "ways.h"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)
#define HUGE (PAGE / 8 * PAGE)
#define I386_OLD_MMAP 90
#define I386_IPC 117
#define IPC_SHMAT 21

enum filling {
	FILL_HINT,
	FILL_FIXED,
	FILL_NOREPLACE,
	FILL_MREMAP,
	FILL_SHMAT,
	FILL_STACK,
	FILL_OLD_MMAP,
	FILL_IPC
};

#define BY_CHOICE "mapping where it was, at the kernel's choice"
#define BY_ADDRESS "mapping where it was, by address"

static const struct {
	const char *name, *operation;
	unsigned abis; /* ABIs with this call */
} fillings[] = {
	[FILL_HINT] = { "mmap with a hint", BY_CHOICE, ~0u },
	[FILL_FIXED] = { "mmap(MAP_FIXED)", BY_ADDRESS, ~0u },
	[FILL_NOREPLACE] = { "mmap(MAP_FIXED_NOREPLACE)", BY_ADDRESS, ~0u },
	[FILL_MREMAP] = { "mremap(MREMAP_FIXED)", "mremap to where it was", ~0u },
	[FILL_SHMAT] = { "shmat", BY_ADDRESS, ~0u },
	[FILL_STACK] = { "a stack that grows",
			 "a stack growing where it "
			 "was",
			 ABIS_64 }, /* no call at all */
	[FILL_OLD_MMAP] = { "the old mmap with a hint", BY_CHOICE, ABIS_32 },
	[FILL_IPC] = { "shmat by ipc", BY_ADDRESS, ABIS_32 },
};
#define FILLINGS (sizeof(fillings) / sizeof(*fillings))

/* --- memory to make a hole in --- */

/* Makes four pages with nothing near below them, and a stack directly after them. */
static uint64_t pages_below_stack(struct puppet *puppet)
{
	const long protection = PROT_READ | PROT_WRITE, fixed = ANONYMOUS | MAP_FIXED;
	long base = puppet_call(puppet, SYS_mmap, 0, 1024 * PAGE, PROT_NONE, ANONYMOUS, -1, 0);
	long at = base + 600 * (long)PAGE, stack = at + 4 * (long)PAGE;

	if (base < 0 || puppet_call(puppet, SYS_munmap, base, 1024 * PAGE) ||
	    puppet_call(puppet, SYS_mmap, stack, 2 * PAGE, protection, fixed | MAP_GROWSDOWN, -1, 0) !=
		    stack ||
	    puppet_call(puppet, SYS_mmap, at, 4 * PAGE, PROT_READ, fixed, -1, 0) != at)
		bail("no memory for a stack");
	return (uint64_t)at;
}

static uint64_t pages_for(struct puppet *puppet, enum abi abi, unsigned long pages)
{
	long at;

	if (abi != ABI_INT80)
		return puppet_pages(puppet, pages, PROT_READ);
	at = puppet_call(puppet, SYS_mmap, 0, (long)(pages * PAGE), PROT_READ, ANONYMOUS | MAP_32BIT, -1, 0);
	if (at < 0)
		bail("no memory below 4 GiB");
	return (uint64_t)at;
}

static void seal_pages(const struct puppet *puppet, uint64_t at, bool permanent)
{
	const struct range range = { at, at + 4 * PAGE };
	const char *error = daemon_seal(
		&(struct seal_order){
			.pid = puppet->pid, .ranges = &range, .count = 1, .revocable = !permanent },
		NULL);

	if (error)
		bail("cannot seal pid %d: %s", puppet->pid, error);
}

/* Control without seals: the stack does grow there. */
static void stack_grows_unsealed(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t at = pages_below_stack(puppet);

	puppet_call(puppet, SYS_munmap, at, 4 * PAGE);
	ok(puppet_run(puppet, fill_pages, (long)(at + 3 * PAGE), PAGE, 1) == 0 &&
		   !strcmp(protection_of(puppet->pid, at + 3 * PAGE), "rw-p"),
	   "row 13: not sealed, a stack grows into a hole");
	puppet_end(puppet);
}

/* --- filling it --- */

static long fill_hole(struct puppet *puppet, enum abi abi, enum filling how, uint64_t at, uint64_t spare)
{
	uint32_t *old_mmap = puppet_data(puppet);
	long id, result;

	switch (how) {
	case FILL_HINT:
		return puppet_call_by(puppet, abi, SYS_mmap, at, PAGE, PROT_READ | PROT_WRITE, ANONYMOUS, -1,
				      0);
	case FILL_FIXED:
		return puppet_call_by(puppet, abi, SYS_mmap, at, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1,
				      0);
	case FILL_NOREPLACE:
		return puppet_call_by(puppet, abi, SYS_mmap, at, PAGE, PROT_READ,
				      ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	case FILL_MREMAP:
		return puppet_call_by(puppet, abi, SYS_mremap, spare, PAGE, PAGE,
				      MREMAP_MAYMOVE | MREMAP_FIXED, at);
	case FILL_STACK: return puppet_run(puppet, fill_pages, (long)(at + 3 * PAGE), PAGE, 1);
	case FILL_OLD_MMAP:
		memcpy(old_mmap, (uint32_t[6]){ (uint32_t)at, PAGE, PROT_READ, ANONYMOUS, -1u, 0 }, 24);
		return puppet_call_32(puppet, I386_OLD_MMAP, (long)old_mmap);
	default:
		id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
		result = how == FILL_SHMAT ?
				 puppet_call_by(puppet, abi, SYS_shmat, id, at, 0) :
				 puppet_call_32(puppet, I386_IPC, IPC_SHMAT, id, 0, (long)old_mmap, at);
		shmctl((int)id, IPC_RMID, NULL);
		return result;
	}
}

static void report_hole(enum abi abi, enum filling how, bool permanent, const char *result)
{
	report_cell(13, fillings[how].operation, how == FILL_STACK ? "gate" : "lsm", abi, permanent, result,
		    fillings[how].name);
}

/* Checks that it is not filled: denied, killed, or mapped elsewhere. */
static const char *check_hole(struct puppet *puppet, enum abi abi, enum filling how, uint64_t at,
			      uint64_t spare)
{
	long result = fill_hole(puppet, abi, how, at, spare);
	bool denied = result == -EPERM, killed = result == PUPPET_DEAD && WIFSIGNALED(puppet->status) &&
						 WTERMSIG(puppet->status) == SIGKILL;

	if (!ok(denied || killed, "row 13: the hole cannot be filled by %s, %s (%s)", fillings[how].name,
		abi_name(abi), puppet_text(puppet, result)))
		diag("there is now \"%s\" at %#lx", protection_of(puppet->pid, at), at);
	return denied ? "EPERM" : killed ? "SIGKILL" : "let through";
}

/* --- making it --- */

/*
 * Without an override gate: one of two processes that share the memory unmaps it and dies; the other lives
 * on.
 */
static void hole_by_kill(enum abi abi, enum filling how, bool permanent)
{
	struct puppet *one = puppet_new(), *other = puppet_clone(one, CLONE_VM, NULL);
	uint64_t at = how == FILL_STACK ? pages_below_stack(one) : pages_for(one, abi, 4);
	uint64_t spare = pages_for(one, abi, 1);
	long result;

	seal_pages(one, at, permanent);
	daemon_pause(true);
	result = puppet_call_by(one, abi, SYS_munmap, at, 4 * PAGE);
	ok(result == PUPPET_DEAD && WIFSIGNALED(one->status) && WTERMSIG(one->status) == SIGKILL,
	   "row 13: the process that unmaps dies (%s)", puppet_text(one, result));
	if (puppet_died(other, 0))
		skip("the other one was killed as well", "row 13: the hole cannot be filled by %s",
		     fillings[how].name);
	else if (protection_of(other->pid, at)[0])
		skip("the sealed memory is still there", "row 13: the hole cannot be filled by %s",
		     fillings[how].name);
	else
		report_hole(abi, how, permanent, check_hole(other, abi, how, at, spare));
	daemon_pause(false);
	ok(puppet_died(other, 15000), "row 13: the daemon kills all that share the memory");
	puppet_end(other);
	puppet_end(one);
}

/* address, length, seconds, whether by int 0x80, whether one has won: unmaps until it works; 1: it did. */
static long race_munmap(const long arguments[6])
{
	atomic_bool *won = (atomic_bool *)arguments[4];
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		for (int i = 0; i < 500; i++)
			if (RAW_BY(arguments[3], SYS_munmap, arguments[0], arguments[1]) == 0)
				return *won = true;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (!*won && now.tv_sec - start.tv_sec < arguments[2]);
	return 0;
}

/* With an override gate: threads on one processor race it. No cell: not every race is won. */
static void hole_by_race(enum abi abi, enum filling how, bool permanent, bool can_be_raced)
{
	struct puppet *racers[4];
	atomic_bool *won;
	uint64_t at, spare;
	cpu_set_t *cpu;
	long result = 0;

	racers[0] = puppet_new();
	cpu = puppet_data(racers[0]);
	CPU_ZERO(cpu);
	CPU_SET(0, cpu);
	puppet_call(racers[0], SYS_sched_setaffinity, 0, sizeof(*cpu), (long)cpu);
	for (int i = 1; i < 4; i++)
		racers[i] = puppet_clone(
			racers[0], CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES, NULL);
	at = how == FILL_STACK ? pages_below_stack(racers[0]) : pages_for(racers[0], abi, 4);
	spare = pages_for(racers[0], abi, 1);
	seal_pages(racers[0], at, permanent);
	daemon_pause(true);
	won = puppet_data(racers[1]);
	*won = false;
	for (int i = 0; i < 4; i++)
		puppet_start(racers[i], race_munmap, (long)at, 4 * PAGE, can_be_raced ? 5 : 2,
			     abi == ABI_INT80, (long)won);
	for (int i = 0; i < 4; i++)
		result |= puppet_result(racers[i]);
	if (!can_be_raced)
		ok(result == 0, "row 3: the gate cannot be raced by %s, as Status says", abi_name(abi));
	else if (result == 0)
		skip("the gate was not raced in 5 s", "row 13: the hole cannot be filled by %s",
		     fillings[how].name);
	if (result == 1) {
		check_hole(racers[0], abi, how, at, spare);
		daemon_pause(false);
		ok(puppet_died(racers[0], 30000),
		   "row 13: the daemon kills a process whose sealed memory is gone");
	}
	daemon_pause(false);
	for (int i = 3; i >= 0; i--)
		puppet_end(racers[i]);
}

/* Status reports this for all seals. */
static bool gate_can_be_raced(void)
{
	json_t *status = daemon_status(), *row;
	bool raced = false;
	size_t i;

	json_array_foreach(json_object_get(status, "rows"), i, row)
		raced = raced || (json_number(row, "row") == 3 && json_number(row, "raced") > 0);
	json_decref(status);
	return raced;
}

/* Memory that is also natively sealed is never gone. */
static bool can_be_gone(bool permanent)
{
	return !permanent || strcmp(getenv("MSEALD_EXPECT_NATIVE") ?: "", "1");
}

static void holes_by_kill(enum abi abi, enum filling how)
{
	for (int permanent = 1; permanent >= 0; permanent--)
		if (can_be_gone(permanent))
			hole_by_kill(abi, how, permanent);
		else
			report_hole(abi, how, permanent, "no: never gone");
}

static void holes_by_race(enum abi abi, enum filling how, bool can_be_raced)
{
	for (int permanent = 1; permanent >= 0; permanent--)
		report_hole(abi, how, permanent, "no: by a race only");
	if (can_be_raced || how == FILL_HINT)
		hole_by_race(abi, how, how % 2 == 0 && can_be_gone(true), can_be_raced);
}

void holes(enum abi abi)
{
	bool by_override = ABIS_32 & 1u << abi ? gate_32_is_override() : gate_is_override();
	bool can_be_raced = gate_can_be_raced();

	if (abi == ABI_64)
		stack_grows_unsealed();
	for (enum filling how = 0; how < FILLINGS; how++) {
		if (!(fillings[how].abis & 1u << abi))
			continue;
		if (by_override)
			holes_by_race(abi, how, can_be_raced);
		else
			holes_by_kill(abi, how);
	}
	if (by_override && !can_be_raced)
		skip("no gate can be raced here, so there is never a hole",
		     "row 13: a hole cannot be filled");
}

/* --- a hole with room for a huge page around it --- */

static const char *const covers[] = { "MAP_FIXED_NOREPLACE of a file",
				      "MAP_FIXED of a file",
				      "MAP_FIXED|MAP_HUGETLB",
				      "a hint, MAP_HUGETLB",
				      "shmat",
				      "mremap" };
#define COVERS (sizeof(covers) / sizeof(*covers))

/* Puts a huge page at that address, by a call of 4096 bytes if possible. */
static long cover(struct puppet *puppet, size_t how, uint64_t at)
{
	const int anonymous = ANONYMOUS | MAP_HUGETLB;
	long fd, id, result;

	switch (how) {
	case 0:
	case 1:
		strcpy(puppet_data(puppet), "huge");
		fd = puppet_call(puppet, SYS_memfd_create, (long)puppet_data(puppet), MFD_HUGETLB);
		return puppet_call(puppet, SYS_mmap, at, PAGE, READ_WRITE,
				   MAP_SHARED | (how ? MAP_FIXED : MAP_FIXED_NOREPLACE), fd, 0);
	case 2: return puppet_call(puppet, SYS_mmap, at, PAGE, READ_WRITE, anonymous | MAP_FIXED, -1, 0);
	case 3:
		result = puppet_call(puppet, SYS_mmap, at, PAGE, READ_WRITE, anonymous, -1, 0);
		/* Another address is acceptable. */
		return result > 0 && result != (long)at ? -EPERM : result;
	case 4:
		id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | SHM_HUGETLB | 0600);
		result = puppet_call(puppet, SYS_shmat, id, at, 0);
		shmctl((int)id, IPC_RMID, NULL);
		return result;
	default:
		result = puppet_call(puppet, SYS_mmap, 0, HUGE, READ_WRITE, anonymous, -1, 0);
		return result < 0 ? result : puppet_call(puppet, SYS_mremap, result, PAGE, PAGE, MOVE, at);
	}
}

/* Returns whether the case also makes sense sealed. */
static bool cover_hole(size_t how, bool sealed)
{
	bool worked = false;
	struct puppet *one = puppet_new(), *other = puppet_clone(one, CLONE_VM, NULL);
	long room = puppet_call(one, SYS_mmap, 0, 3 * HUGE, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0),
	     result;
	uint64_t start = ((uint64_t)room + HUGE - 1) & -HUGE, at = start + 8 * PAGE;

	puppet_call(one, SYS_munmap, room, 3 * HUGE);
	if (puppet_call(one, SYS_mmap, at, 4 * PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0) != (long)at)
		bail("no memory to make a hole in");
	if (sealed)
		must_seal_revocably(one->pid, at, 4 * PAGE);
	daemon_pause(true);
	result = puppet_call(one, SYS_munmap, at, 4 * PAGE);
	if (sealed && result != PUPPET_DEAD)
		ok(false, "row 13: the process that unmaps dies (%s)", puppet_text(one, result));
	result = cover(other, how, start);
	if (!sealed && result == -ENOMEM)
		skip("there are no huge pages", "row 13: not sealed, a huge page covers a hole by %s",
		     covers[how]);
	else if (!sealed)
		worked = ok(result == (long)start, "row 13: not sealed, a huge page covers a hole by %s (%s)",
			    covers[how], puppet_text(other, result));
	else
		ok(result == -EPERM || (result == PUPPET_DEAD && WTERMSIG(other->status) == SIGKILL),
		   "row 13: a hole cannot be covered by a huge page before it, by %s (%s)", covers[how],
		   puppet_text(other, result));
	daemon_pause(false);
	if (sealed)
		ok(puppet_died(other, 15000),
		   "row 13: a hole beside a huge page, %s: the daemon kills the others", covers[how]);
	puppet_end(other);
	puppet_end(one);
	return worked;
}

void huge_into_holes(void)
{
	for (size_t how = 0; how < COVERS; how++)
		if (cover_hole(how, false))
			cover_hole(how, true);
}
