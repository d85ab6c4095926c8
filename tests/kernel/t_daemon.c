/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All seals outlive the daemon. It is killed, ended, restarted, killed while it seals: no seal opens in
 * between, and the next daemon knows everything that the last one knew.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define PINS "/sys/fs/bpf/mseald"

static bool denied(struct puppet *puppet, uint64_t at)
{
	return puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ | PROT_WRITE) == -EPERM;
}

static bool allowed(struct puppet *puppet, uint64_t at)
{
	return puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ | PROT_WRITE) == 0 &&
	       puppet_call(puppet, SYS_mprotect, at, PAGE, PROT_READ) == 0;
}

/* All spaces, in one order, without the members that grow with every attempt. */
static json_t *list_without_counts(void)
{
	json_t *spaces = daemon_list(0), *sorted = json_object(), *space, *seal;
	size_t i, k;
	char key[32];

	json_array_foreach(spaces, i, space) {
		json_object_del(space, "denied");
		json_object_del(space, "killed");
		json_object_del(space, "audited");
		json_array_foreach(json_object_get(space, "seals"), k, seal)
			json_object_del(seal, "attempts");
		snprintf(key, sizeof(key), "%" PRId64, json_number(space, "id"));
		json_object_set(sorted, key, space);
	}
	json_decref(spaces);
	return sorted;
}

static int64_t attempts_on(pid_t pid)
{
	json_t *seals = daemon_seals(pid), *seal;
	int64_t attempts = 0;
	size_t i;

	json_array_foreach(seals, i, seal)
		attempts += json_number(seal, "attempts");
	json_decref(seals);
	return attempts;
}

static unsigned count_pins(void)
{
	DIR *directory = opendir(PINS);
	struct dirent *entry;
	unsigned count = 0;

	if (!directory)
		return 0;
	while ((entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

/* --- nothing sealed, nothing attached --- */

static void attached_while_needed(void)
{
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 2, PROT_READ);
	const int times = (int)brief(10, 4);

	ok(status_becomes("attached", 0, 10), "no seals: nothing is attached");
	must_seal(puppet->pid, page, PAGE);
	ok(status_number("attached") == 1, "one seal: attached");
	ok(denied(puppet, page) && allowed(puppet, page + PAGE), "one seal: it holds");
	puppet_end(puppet);
	ok(status_becomes("attached", 0, 15), "the last sealed process is gone: nothing is attached");
	puppet = puppet_new();
	page = puppet_pages(puppet, 2, PROT_READ);
	must_seal(puppet->pid, page, PAGE);
	ok(status_number("attached") == 1 && denied(puppet, page), "and with the next seal it is again");
	puppet_end(puppet);
	/*
	 * Quickly on and off: no seal may fall into a detaching, which the kernel continues after the daemon
	 * has finished.
	 */
	for (int i = 0; i < times; i++) {
		puppet = puppet_new();
		page = puppet_pages(puppet, 1, PROT_READ);
		must_seal(puppet->pid, page, PAGE);
		if (!denied(puppet, page))
			break;
		puppet_end(puppet);
		puppet = NULL;
		if (i % 3 == 2 && !status_becomes("attached", 0, 15))
			break;
		nap(i * 13);
	}
	ok(!puppet, "%d sealed processes, one after the other: each seal holds from its first moment", times);
	puppet_end(puppet);
	ok(status_becomes("spaces", 0, 15), "and none is left");
}

/* --- killed --- */

struct family {
	struct puppet *one, *child, *sacrifice, *unsealed;
	uint64_t page, unsealed_page;
};

static void family_open(struct family *family)
{
	family->one = puppet_new();
	family->page = puppet_pages(family->one, 3, PROT_READ) + PAGE;
	must_seal(family->one->pid, family->page, PAGE);
	family->child = puppet_clone(family->one, 0, NULL);
	family->sacrifice = puppet_clone(family->one, 0, NULL);
	family->unsealed = puppet_new();
	family->unsealed_page = puppet_pages(family->unsealed, 1, PROT_READ);
}

static void family_close(struct family *family)
{
	puppet_end(family->one);
	puppet_end(family->child);
	puppet_end(family->sacrifice);
	puppet_end(family->unsealed);
}

static bool family_holds(struct family *family)
{
	return denied(family->one, family->page) && denied(family->child, family->page) &&
	       allowed(family->one, family->page - PAGE) && allowed(family->child, family->page + PAGE) &&
	       allowed(family->unsealed, family->unsealed_page);
}

static void ended_and_restarted(int signal, const char *name)
{
	struct family family;
	json_t *before, *after, *space;
	unsigned stayed = 0;
	int64_t count, attempts;
	const char *key;
	struct puppet *newborn;
	uint64_t other;
	long result;
	int status;

	family_open(&family);
	before = list_without_counts();
	count = status_number("denied");
	attempts = attempts_on(family.one->pid);
	status = daemon_stop(signal);
	if (signal == SIGKILL)
		ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s: the daemon is dead", name);
	else
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: the daemon ends with status 0 (%#x)",
		   name, status);
	ok(count_pins() > 0, "%s: what it has pinned is still there", name);

	ok(family_holds(&family), "%s: without it mprotect stays denied, the neighbours and others stay free",
	   name);
	ok(puppet_call(family.one, SYS_mmap, family.page, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0) ==
		   -EPERM,
	   "%s: without it mmap over the seal stays denied", name);
	result = puppet_call(family.sacrifice, SYS_munmap, family.page, PAGE);
	ok(stopped_by_gate(family.sacrifice, result), "%s: without it munmap: %s (%s)", name, gate_text(),
	   puppet_text(family.sacrifice, result));
	newborn = puppet_clone(family.child, 0, NULL);
	ok(newborn && denied(newborn, family.page), "%s: without it a fork is sealed", name);
	puppet_end(family.sacrifice);
	family.sacrifice = NULL;

	daemon_start();
	ok(family_holds(&family) && denied(newborn, family.page), "%s: the new one changes nothing of that",
	   name);
	/*
	 * The sacrifice is gone, the newborn is new: the same number of spaces, and the same seals for the
	 * others.
	 */
	after = list_without_counts();
	ok(json_object_size(after) == 3, "%s: the new one lists three spaces (%zu)", name,
	   json_object_size(after));
	json_object_foreach(before, key, space) {
		json_t *now = json_object_get(after, key);

		stayed += now && json_equal(now, space);
	}
	ok(stayed == 2 && daemon_says_sealed(family.one->pid, family.page, PAGE) &&
		   daemon_says_sealed(family.child->pid, family.page, PAGE) &&
		   daemon_says_sealed(newborn->pid, family.page, PAGE),
	   "%s: the new one lists the same seals", name);
	/*
	 * Without the daemon: by one, child and newborn, mmap, munmap. With the new daemon: three of
	 * mprotect.
	 */
	count = status_number("denied") + status_number("killed") - count;
	ok(count >= 8, "%s: attempts made without it are counted (%" PRId64 ")", name, count);
	ok(attempts_on(family.one->pid) > attempts, "%s: with the seal as well", name);

	other = puppet_pages(family.one, 2, PROT_READ);
	must_seal(family.one->pid, other, PAGE);
	ok(denied(family.one, other) && denied(family.one, family.page) && allowed(family.one, other + PAGE),
	   "%s: the new one can add a seal", name);
	json_decref(before);
	json_decref(after);
	puppet_end(newborn);
	family_close(&family);
	ok(status_becomes("spaces", 0, 15) && status_becomes("attached", 0, 15),
	   "%s: the new one clears up when the last is gone", name);
}

static void last_one_goes_without_it(void)
{
	struct family family;

	family_open(&family);
	daemon_stop(SIGKILL);
	family_close(&family);
	daemon_start();
	ok(status_becomes("spaces", 0, 15) && status_becomes("sets", 0, 15) &&
		   status_becomes("attached", 0, 15),
	   "all sealed processes end without the daemon: the new one finds nothing and detaches");
}

/* The daemon is new. */
static void events_go_on(const struct family *family)
{
	struct monitor monitor;
	json_t *event;

	monitor_open(&monitor, 0);
	/* Attempts made without a daemon are not for monitors that began later, or they come first. */
	while ((event = monitor_next(&monitor, 500)))
		json_decref(event);
	(void)denied(family->child, family->page);
	event = monitor_next(&monitor, 10000);
	ok(json_number(event, "pid") == family->child->pid &&
		   !strcmp(json_text(event, "operation"), "mprotect"),
	   "events go on with the new daemon");
	json_decref(event);
	monitor_close(&monitor);
}

static void ten_times(void)
{
	struct family family;
	json_t *before, *after;
	unsigned open = 0, different = 0, times = brief(10, 1);

	family_open(&family);
	before = list_without_counts();
	for (unsigned i = 0; i < times; i++) {
		daemon_stop(i % 4 == 3 ? SIGTERM : SIGKILL);
		open += !family_holds(&family);
		daemon_start();
		open += !family_holds(&family);
		after = list_without_counts();
		if (!json_equal(before, after)) {
			char *first = json_dumps(before, JSON_SORT_KEYS),
			     *second = json_dumps(after, JSON_SORT_KEYS);

			if (!different++)
				diag("before: %s\nafter: %s", first, second);
			free(first);
			free(second);
		}
		json_decref(after);
	}
	ok(open == 0, "%u restarts: everything stays denied, everything else allowed", times);
	ok(different == 0, "%u restarts: the same spaces with the same seals each time", times);
	json_decref(before);
	events_go_on(&family);
	family_close(&family);
	ok(status_becomes("spaces", 0, 15) && status_becomes("attached", 0, 15),
	   "%u restarts: nothing is left then", times);
}

/* --- killed in the midst of its work --- */

static void killed_while_sealing(void)
{
	unsigned broken = 0, promised = 0, silent = 0, times = brief(5, 1);

	for (unsigned i = 0; i < times; i++) {
		unsigned moment = brief(i, turn() % 5);
		struct puppet *puppet = puppet_new(), *child;
		uint64_t start = puppet_pages(puppet, 60, PROT_READ);
		pid_t pid = daemon_pid(), killer;
		uint64_t sealed = 1;
		const char *error = NULL;

		/* With the first seal it attaches its programs, which takes longer than the killer waits. */
		must_seal(puppet->pid, start, PAGE);
		killer = fork();
		if (killer == 0) {
			nap((int)(3 + moment * 21));
			kill(pid, SIGKILL);
			_exit(0);
		}
		while (!error && sealed < 30) {
			error = seal_range(puppet->pid, start + 2 * sealed * PAGE, PAGE);
			sealed += !error;
		}
		waitpid(killer, NULL, 0);
		daemon_stop(SIGKILL);
		child = puppet_clone(puppet, 0, NULL);
		daemon_start();
		for (uint64_t k = 0; k < sealed; k++) {
			promised++;
			broken += !denied(puppet, start + 2 * k * PAGE) ||
				  !denied(child, start + 2 * k * PAGE) ||
				  !daemon_says_sealed(puppet->pid, start + 2 * k * PAGE, PAGE);
		}
		/* The seal during which it died: set or not, but listed if set. */
		silent += denied(puppet, start + 2 * sealed * PAGE) !=
			  daemon_says_sealed(puppet->pid, start + 2 * sealed * PAGE, PAGE);
		broken += !allowed(puppet, start + PAGE);
		puppet_end(child);
		puppet_end(puppet);
	}
	ok(broken == 0, "killed while it seals, %u times: every seal it has confirmed (%u) holds", times,
	   promised);
	ok(silent == 0, "killed while it seals, %u times: seals that hold are listed, listed seals hold",
	   times);
	ok(status_becomes("spaces", 0, 15) && status_becomes("sets", 0, 15),
	   "killed while it seals: nothing is left");
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	daemon_start();
	attached_while_needed();
	ended_and_restarted(SIGKILL, "kill -9");
	ended_and_restarted(SIGTERM, "SIGTERM");
	/* Handled like SIGTERM. */
	if (brief(1, 0))
		ended_and_restarted(SIGINT, "SIGINT");
	last_one_goes_without_it();
	ten_times();
	killed_while_sealing();
	daemon_stop(SIGTERM);
	return tap_end();
}
