/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sealed memory that moves to lower pids while the daemon looks at all tasks, in ascending order of their
 * pids, for memory that is gone: a thread is made, gets a lower pid as pids begin anew, and the old one
 * exits. Nearly all pids are taken, so that there are few but the lowest and the highest to move
 * between.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"
#include "lib/base/util.h"

#define PID_MAX 900
#define PID_LEAST 300 /* once pids have begun anew: include/linux/pid.h, RESERVED_PIDS */
#define AT_EACH_END 3 /* free pids */
#define NO_PROCESS 4000000
#define LONGEST (120 * 1000000000LL) /* nanoseconds */
#define STACK 16384

/* --- in the puppet --- */

struct hops { /* shared, puppet_data() */
	_Atomic uint32_t stop, down, all;
};

static struct {
	struct hops *hops;
	long page, middle, pause; /* pause: in nanoseconds */
	pid_t tids[2];		  /* of the threads on these stacks; 0: it has exited */
	char stacks[2][STACK] __attribute__((aligned(16)));
} here;

static void pause_for(long nanoseconds)
{
	const struct timespec time = { nanoseconds / 1000000000, nanoseconds % 1000000000 };

	RAW(SYS_nanosleep, &time, NULL);
}

/* One thread: stays for a while, makes the next and exits. */
static int hop(void *argument)
{
	const int flags = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES |
			  CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	size_t other = argument == &here.tids[0];
	long tid = RAW(SYS_gettid), next;
	bool high = tid > here.middle;

	/* High up for any part of a look; below until its end. */
	pause_for(high ? here.pause / 16 * (atomic_load(&here.hops->all) * 7 % 16) : here.pause);
	if (RAW(SYS_mprotect, here.page, PAGE, PROT_READ | PROT_WRITE) != -EPERM)
		RAW(SYS_exit_group, 1);
	if (atomic_load(&here.hops->stop))
		RAW(SYS_exit_group, 0);
	while (*(volatile pid_t *)&here.tids[other])
		pause_for(1000);
	while ((next = clone(hop, here.stacks[other] + STACK, flags, &here.tids[other], &here.tids[other],
			     NULL, &here.tids[other])) < 0)
		pause_for(1000);
	atomic_fetch_add(&here.hops->all, 1);
	atomic_fetch_add(&here.hops->down, high && next < here.middle);
	return 0;
}

static long begin(const long a[6])
{
	here.hops = (struct hops *)a[0];
	here.page = a[1];
	here.middle = a[2];
	here.pause = a[3];
	(void)hop(NULL);
	return RAW(SYS_exit, 0); /* this thread only */
}

/* --- the others: all pids but a few --- */

static pid_t parked[PID_MAX];
static size_t parked_count;
static char pid_max[32];

static void set_pid_max(const char *value)
{
	FILE *file = fopen("/proc/sys/kernel/pid_max", "we");

	if (!file || fputs(value, file) < 0 || fclose(file))
		bail("cannot set pid_max: %s", strerror(errno));
}

static void restore(void)
{
	set_pid_max(pid_max);
}

static int compare(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static void unpark(size_t i)
{
	kill(parked[i], SIGKILL);
	waitpid(parked[i], NULL, 0);
	parked[i] = 0;
}

/* Returns a pid in the middle. */
static pid_t take_pids(void)
{
	FILE *file = fopen("/proc/sys/kernel/pid_max", "re");
	size_t first = 0;
	char few[32];
	pid_t pid;

	if (!file || !fgets(pid_max, sizeof(pid_max), file))
		bail("cannot read pid_max");
	fclose(file);
	on_bail(restore);
	snprintf(few, sizeof(few), "%d\n", PID_MAX);
	set_pid_max(few);
	fflush(NULL);
	while (parked_count < ELEMENTS(parked) && (pid = fork()) >= 0) {
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		parked[parked_count++] = pid;
	}
	qsort(parked, parked_count, sizeof(*parked), compare);
	while (first < parked_count && parked[first] < PID_LEAST)
		first++;
	if (parked_count < first + 100)
		bail("%zu processes took all pids", parked_count);
	for (size_t i = 0; i < AT_EACH_END; i++) {
		unpark(first + i);
		unpark(parked_count - 1 - i);
	}
	return parked[first + (parked_count - first) / 2];
}

static void give_pids(void)
{
	/* Those that have ended have pids of others by now. */
	while (parked_count > 0)
		if (parked[--parked_count])
			unpark(parked_count);
	on_bail(NULL);
	restore();
}

/* --- looks --- */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* While there are entries without seals, a request that fails makes the daemon look. */
static void make_it_look(void)
{
	const char *error = seal_range(NO_PROCESS, PAGE, PAGE);

	if (!error || strcmp(error, "NoSuchProcess"))
		bail("a request that must fail: %s", error ?: "works");
}

static long time_of_a_look(void)
{
	int64_t start = now_ns();

	for (int i = 0; i < 10; i++)
		make_it_look();
	return (now_ns() - start) / 10;
}

static bool stayed_sealed(struct puppet *hopper, struct hops *hops)
{
	atomic_store(&hops->stop, 1);
	return puppet_died(hopper, 20000) && WIFEXITED(hopper->status) && WEXITSTATUS(hopper->status) == 0;
}

int main(int argc, char **argv)
{
	const uint32_t enough = brief(200, 60);
	struct puppet *hopper, *unsealed;
	struct hops *hops;
	long middle, look, looks = 0;
	uint64_t page;
	int64_t end;

	puppet_main(argc, argv);
	daemon_start();
	unsealed = puppet_new();
	page = puppet_pages(unsealed, 1, PROT_READ);
	must_seal_revocably(unsealed->pid, page, PAGE);
	if (daemon_unseal(unsealed->pid, NULL, 0))
		bail("unsealing: %s", daemon_error_message());
	hopper = puppet_new();
	page = puppet_pages(hopper, 1, PROT_READ);
	must_seal_revocably(hopper->pid, page, PAGE);
	hops = puppet_data(hopper);
	middle = take_pids();
	look = time_of_a_look();
	puppet_start(hopper, begin, (long)hops, (long)page, middle, look);
	end = now_ns() + LONGEST;
	for (; hops->down < enough && now_ns() < end && !puppet_died(hopper, 0); looks++)
		make_it_look();
	ok(stayed_sealed(hopper, hops), "memory that moves to lower pids stays sealed (%s)",
	   puppet_text(hopper, PUPPET_DEAD));
	ok(hops->down >= enough, "it moved to lower pids %u times (of %u moves, in %ld looks of %ld us)",
	   hops->down, hops->all, looks, look / 1000);
	give_pids();
	puppet_end(hopper);
	puppet_end(unsealed);
	ok(status_becomes("spaces", 0, 10), "its entry is removed when it has ended");
	daemon_stop(SIGTERM);
	return tap_end();
}
