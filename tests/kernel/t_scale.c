/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Large numbers: 10,000 seals in 100 processes, 10,000 sealed processes. The daemon stays small, is idle
 * without requests, and seals each of them. $MSEALD_SCALE: processes (default 10,000 on 6.12; 1,000
 * elsewhere, and under sanitizers, where their memory would exceed that of the VM).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "tap.h"

#define MANY 100
#define SEALS 100
#define IDLE brief(20, 8) /* seconds */

static int64_t now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static int open_files(void)
{
	char command[64];
	int count = -1;
	FILE *pipe;

	snprintf(command, sizeof(command), "ls /proc/%d/fd | wc -l", (int)daemon_pid());
	pipe = popen(command, "re");
	if (!pipe || fscanf(pipe, "%d", &count) != 1)
		bail("%s", command);
	pclose(pipe);
	return count;
}

static void many_seals(void)
{
	/* Also in the short form, more than the maps made in advance, see below. */
	const int many = (int)brief(MANY, 64), each = (int)brief(SEALS, 30);
	struct puppet *crowd[MANY];
	struct range ranges[SEALS];
	uint64_t start[MANY];
	int64_t seals = 0;
	unsigned open = 0;
	int files = 0;
	long ticks, wakes;

	for (int i = 0; i < many; i++) {
		struct seal_order order = { .ranges = ranges, .count = (size_t)each };
		const char *error;

		crowd[i] = puppet_new();
		start[i] = puppet_pages(crowd[i], 2 * (unsigned)each, PROT_READ);
		order.pid = crowd[i]->pid;
		for (int k = 0; k < each; k++)
			ranges[k] = (struct range){ start[i] + (uint64_t)k * 2 * PAGE,
						    start[i] + ((uint64_t)k * 2 + 1) * PAGE };
		error = daemon_seal(&order, NULL);
		if (error)
			bail("sealing: %s", error);
		/* With the first seal it loads its programs. */
		if (i == 0)
			files = open_files();
	}
	for (int i = 0; i < many; i++) {
		json_t *list = daemon_seals(crowd[i]->pid);
		uint64_t at = start[i] + (uint64_t)(i % each) * 2 * PAGE;

		seals += (int64_t)json_array_size(list);
		json_decref(list);
		open += puppet_call(crowd[i], SYS_mprotect, at, PAGE, PROT_READ | PROT_WRITE) != -EPERM ||
			puppet_call(crowd[i], SYS_mprotect, at + PAGE, PAGE, PROT_READ | PROT_WRITE) != 0;
	}
	ok(seals == many * each && open == 0, "%d seals in %d processes hold (%" PRId64 ", %u do not)",
	   many * each, many, seals, open);
	/* Maps for the next sets are made in advance, some dozens. */
	ok(open_files() <= files + 48, "the daemon has no descriptor for each of them (%d, %d before)",
	   open_files(), files);
	sleep(5);
	daemon_memory_ok(daemon_process_number("VmRSS:") < 11264,
			 "the daemon has less than 11 MB resident (%ld kB)", daemon_process_number("VmRSS:"));
	ok(daemon_stop(SIGTERM) == 0, "it ends");
	daemon_start();
	sleep(5);
	daemon_memory_ok(daemon_process_number("VmRSS:") < 11264,
			 "the next one, which has read them all, too (%ld kB)",
			 daemon_process_number("VmRSS:"));
	ticks = daemon_ticks();
	wakes = daemon_process_number("voluntary_ctxt_switches:");
	sleep(IDLE);
	wakes = daemon_process_number("voluntary_ctxt_switches:") - wakes;
	/* It looks at some counters every two seconds. */
	ok(wakes <= 2 * (long)IDLE, "idle for %u s it wakes up now and then (%ld times)", IDLE, wakes);
	diag("%ld ticks of a processor in that time", daemon_ticks() - ticks);
	for (int i = 0; i < many; i++)
		(void)puppet_end(crowd[i]);
	ok(status_becomes("spaces", 0, 30) && status_becomes("sets", 0, 30),
	   "nothing is left when they have ended");
}

/* --- many processes --- */

struct forks {
	volatile long made, denied;
	volatile bool end;
};

/* Runs in a puppet: page, forks, address of the result. Its children try once, and then wait for the end. */
static long fork_often(const long arguments[6])
{
	struct forks *forks = (struct forks *)arguments[1];

	for (long i = 0; i < arguments[2]; i++) {
		long child = RAW(SYS_clone, SIGCHLD);

		if (child < 0)
			return child;
		if (child == 0) {
			if (RAW(SYS_mprotect, arguments[0], PAGE, PROT_READ | PROT_WRITE) == -EPERM)
				__atomic_add_fetch(&forks->denied, 1, __ATOMIC_RELAXED);
			for (;;)
				pause();
		}
		forks->made++;
	}
	return 0;
}

static void many_processes(void)
{
	const char *kernel = getenv("MSEALD_EXPECT_KERNEL"), *scale = getenv("MSEALD_SCALE");
	long wanted = scale						   ? atol(scale) :
		      daemon_under() || (kernel && strcmp(kernel, "6.12")) ? 1000 :
									     10000;
	struct puppet *parent = puppet_new();
	uint64_t page = puppet_pages(parent, 1, PROT_READ);
	struct forks *forks = puppet_data(parent);
	json_t *list, *space, *pid;
	size_t listed, i;
	long result, ticks;
	int64_t began;

	memset(forks, 0, sizeof(*forks));
	must_seal(parent->pid, page, PAGE);
	result = puppet_run(parent, fork_often, (long)page, (long)forks, wanted);
	ok(result == 0 && forks->made == wanted, "%ld forks of a sealed process (%ld: %s)", wanted,
	   forks->made, puppet_text(parent, result));
	for (int tries = 0; forks->denied < forks->made && tries < 600; tries++)
		nap(100);
	ok(forks->denied == forks->made, "each of them is denied what its parent is (%ld)", forks->denied);
	began = now_us();
	ticks = daemon_ticks();
	list = daemon_list(0);
	began = now_us() - began;
	/* Under -icount a microsecond is a thousand instructions. */
	diag("listing them takes %" PRId64 " us, %ld ticks of it in the daemon", began,
	     daemon_ticks() - ticks);
	listed = json_array_size(list);
	ok(listed == (size_t)wanted + 1, "and all are listed (%zu)", listed);
	daemon_memory_ok(daemon_process_number("VmRSS:") < 20480,
			 "the daemon has less than 20 MB resident (%ld kB)", daemon_process_number("VmRSS:"));
	json_array_foreach(list, i, space)
		if ((pid = json_array_get(json_object_get(space, "pids"), 0)) &&
		    json_integer_value(pid) != parent->pid)
			kill((pid_t)json_integer_value(pid), SIGKILL);
	json_decref(list);
	(void)puppet_end(parent);
	ok(status_becomes("spaces", 0, 60) && status_becomes("sets", 0, 60),
	   "nothing is left when they have ended");
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	daemon_start();
	many_seals();
	many_processes();
	daemon_stop(SIGTERM);
	return tap_end();
}
