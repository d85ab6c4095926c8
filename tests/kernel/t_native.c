/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The native gate is invisible to processes. Each victim (victims_*.c) is sealed in a different state, and
 * checks its own system calls; the gate of each seal is checked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "native.h"
#include "tap.h"
#include "victims.h"

/* Waits until the victim is in the state in which it is to be sealed. */
static bool is_there(const struct victim *victim, pid_t pid)
{
	uint32_t first = atomic_load(&scene.shared->progress);
	long call;

	for (int i = 0; i < 4000; i++) {
		char state = state_of(pid, &call);

		if (victim->call >= 0 ?
			    state == 'S' && call == victim->call :
			    atomic_load(&scene.shared->progress) > (victim->call == RUNS ? first : 0))
			return true;
		nap(5);
	}
	return false;
}

/* Does it return to its interrupted call by itself? */
static bool is_back(const struct victim *victim, pid_t pid)
{
	long call;

	for (int i = 0; i < 2000; i++) {
		char state = state_of(pid, &call);

		/* A sleep of a given length continues by restart_syscall(2). */
		if (state == 'S' && (call == victim->call || call == SYS_restart_syscall))
			return true;
		nap(5);
	}
	return false;
}

static void check_end(const struct victim *victim, struct puppet *puppet, uint64_t page, bool native)
{
	long result;

	if (victim->dies) {
		ok(puppet_died(puppet, 20000) && WIFEXITED(puppet->status) &&
			   WEXITSTATUS(puppet->status) == VICTIM_ENDS,
		   "%s: ends as it would (wait status %#x)", victim->name, puppet->status);
		return;
	}
	/* The kernel itself refuses for native seals: no process is killed, and no program is needed. */
	result = puppet_call(puppet, SYS_munmap, page, PAGE);
	ok(native || gate_is_override() ? result == -EPERM : result == PUPPET_DEAD,
	   "%s: munmap then: %s (%s)", victim->name, native || gate_is_override() ? "EPERM" : "SIGKILL",
	   puppet_text(puppet, result));
}

static void try_victim(const struct victim *victim)
{
	unsigned seals = victim->seals ? brief(victim->seals, (victim->seals + 3) / 4) : 1, natives = 0;
	struct sealed sealed;
	struct puppet *puppet;
	uint64_t pages;
	long before, result;
	char name[160];
	bool native;

	scene_open();
	if (victim->set_up)
		victim->set_up();
	puppet = scene.victim = puppet_new();
	pages = puppet_pages(puppet, 2 * seals + 1, PROT_READ);
	puppet_start(puppet, victim->live, 0, 0, 0, 0, 0, 0);
	if (!is_there(victim, puppet->pid)) {
		ok(false, "%s: gets there", victim->name);
		if (puppet_died(puppet, 0))
			diag("it died, wait status %#x", puppet->status);
		puppet_end(puppet);
		scene_close();
		return;
	}
	if (!victim->wake)
		nap(SLEEP_MS / 2);
	if (victim->pending)
		kill(puppet->pid, victim->pending);
	if (victim->meanwhile)
		victim->meanwhile();
	before = milliseconds();
	for (unsigned i = 0; i < seals; i++) {
		sealed = seal_page(puppet->pid, pages + (2 * i + 1) * PAGE);
		natives += sealed.native;
		if (sealed.error)
			diag("%s: sealing: %s %s", victim->name, sealed.error, daemon_error_message());
	}
	native = victim->gate == NATIVE || (victim->gate == EITHER && sealed.native);
	check_gate(puppet->pid, pages + (2 * seals - 1) * PAGE, &sealed, native, victim->name);
	/* On a busy machine there may be no suitable moment within the tenth of a second. */
	if (seals > 1)
		ok(natives * 10 >= seals * 9, "%s: %u seals are native (%u)", victim->name, seals, natives);
	if (victim->call >= 0 && victim->gate == NATIVE && victim->wake)
		ok(is_back(victim, puppet->pid), "%s: is still in the call", victim->name);
	if (victim->wake)
		victim->wake();
	if (!victim->dies) {
		result = puppet_result(puppet);
		snprintf(name, sizeof(name),
			 result == PUPPET_DEAD ? "wait status %#lx" :
			 result		       ? "line %ld" :
						 "well",
			 result == PUPPET_DEAD ? (long)puppet->status : result >> 32);
		ok(result == 0, "%s: notices nothing (%s, found %d)", victim->name, name, (int)result);
	}
	if (scene.shared->numbers[0])
		ok((long)scene.shared->numbers[0] < before + SLEEP_MS,
		   "%s: does not begin anew (%ld ms after the seal)", victim->name,
		   (long)scene.shared->numbers[0] - before);
	check_end(victim, puppet, pages + PAGE, native);
	puppet_end(puppet);
	scene_close();
}

/* Kernels without mseal(2): everything works as before. */
static void without(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 3, PROT_READ) + PAGE;
	struct sealed sealed = seal_page(puppet->pid, page);

	check_gate(puppet->pid, page, &sealed, false, "without mseal(2)");
	ok(!*sealed.why, "without mseal(2): it is not even tried");
	puppet_end(puppet);
}

int main(int argc, char **argv)
{
	static const struct victim *const all[] = { call_victims, signal_victims, state_victims,
						    half_victims };
	const char *only = argc > 1 ? argv[1] : NULL;

	if (argc != 2)
		puppet_main(argc, argv);
	daemon_start();
	if (!native_expected()) {
		without();
		skip("this kernel has no mseal(2)", "the native gate");
	} else {
		/* One process is always sealed, so that the programs are not attached anew each time. */
		struct puppet *other = puppet_new();

		must_seal(other->pid, puppet_pages(other, 1, PROT_READ), PAGE);
		diag("smaps %s", sealing_is_shown() ? "shows the seals" : "does not show the seals");
		for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
			for (const struct victim *victim = all[i]; victim->name; victim++)
				if (only ? strstr(victim->name, only) != NULL :
					   brief(1, !victim->like_another))
					try_victim(victim);
		puppet_end(other);
	}
	daemon_stop(SIGTERM);
	return tap_end();
}
