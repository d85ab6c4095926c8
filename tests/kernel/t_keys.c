/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Address spaces come and go beside sealed ones. Where the kernel gives the key of one that is gone to the
 * next (MSEALD_KEYS_RETURN of mseald/syscall_entry.h), no process may meet the seals of an earlier one, or
 * lack its own for that. Seals are revocable, so that the programs alone enforce them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

#define KEPT 12

static unsigned wrong, through;

static bool is_denied(struct puppet *puppet, uint64_t page)
{
	return puppet_call(puppet, SYS_mprotect, page, PAGE, PROT_READ | PROT_WRITE) == -EPERM;
}

/* Page 1 of three, which all such processes have at the same address. */
static uint64_t new_page(struct puppet *puppet)
{
	long at = puppet_call(puppet, SYS_mmap, 0, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t page = (uint64_t)at + PAGE;

	if (at < 0)
		bail("no memory for a puppet");
	wrong += is_denied(puppet, page);
	return page;
}

static void seal(struct puppet *puppet, uint64_t page)
{
	must_seal_revocably(puppet->pid, page, PAGE);
	through += !is_denied(puppet, page);
}

/* A process that is made by fork or exec, sealed or not, with a child or not. */
static void one_life(unsigned round)
{
	struct puppet *puppet = puppet_new(), *child;
	uint64_t page = new_page(puppet);

	if (round % 3 == 0) {
		if (puppet_exec(puppet) != 0)
			bail("a puppet cannot execute itself");
		page = new_page(puppet);
	}
	if (round % 2 == 0)
		seal(puppet, page);
	if (round % 4 < 2) {
		child = puppet_clone(puppet, 0, NULL);
		through += round % 2 == 0 && !is_denied(child, page);
		wrong += round % 2 == 1 && is_denied(child, page);
		puppet_end(child);
	}
	puppet_end(puppet);
}

int main(int argc, char **argv)
{
	unsigned rounds = brief(2000, 100), still = 0;
	struct puppet *kept[KEPT];
	uint64_t pages[KEPT];
	json_t *list = NULL;

	puppet_main(argc, argv);
	daemon_start();
	for (size_t i = 0; i < KEPT; i++) {
		kept[i] = puppet_new();
		pages[i] = new_page(kept[i]);
		seal(kept[i], pages[i]);
	}
	for (unsigned round = 0; round < rounds; round++)
		one_life(round);
	ok(!wrong, "%u lives: no process is denied by the seal of an earlier one (%u were)", rounds, wrong);
	ok(!through, "%u lives: each sealed process, and its child, is denied (%u let through)", rounds,
	   through);
	for (size_t i = 0; i < KEPT; i++)
		still += is_denied(kept[i], pages[i]);
	ok(still == KEPT, "the processes sealed first still are (%u of %d)", still, KEPT);
	for (int tries = 0; tries < 100 && (!list || json_array_size(list) != KEPT); tries++) {
		json_decref(list);
		nap(tries ? 100 : 0);
		list = daemon_list(0);
	}
	ok(json_array_size(list) == KEPT, "nothing else is listed as sealed (%zu)", json_array_size(list));
	json_decref(list);
	for (size_t i = 0; i < KEPT; i++)
		puppet_end(kept[i]);
	daemon_stop(SIGTERM);
	return tap_end();
}
