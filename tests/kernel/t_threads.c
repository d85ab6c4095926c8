/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process with 64 threads in system calls of all kinds is sealed natively 50 times, or
 * $MSEALD_THREADS_SEALS, up to 1,000 (half an hour under emulation). None of its calls may fail or return
 * another result than in an unsealed process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "attack.h"
#include "native.h"
#include "tap.h"
#include "victims.h"
#include "work.h"

#define SEALS 1000 /* at most; $MSEALD_THREADS_SEALS, 50 without it */
#define PAGES (2ul * SEALS + 1)
#define ROUNDS brief(400, 25) /* of work: about ten seconds of an emulated machine, or one */
#define MOST 40		      /* processes sealed, at most, to reach 1,000 seals */

static struct work *work;
static unsigned wanted = 50, tried, natives, altered;

/* Seals one page after the other until the work is done. */
static void seal_all_the_while(pid_t pid)
{
	for (unsigned i = 0; i < SEALS && tried < wanted && work_done(work) < WORK_THREADS; i++) {
		struct sealed sealed = seal_page(pid, work->pages + (2ul * i + 1) * PAGE);

		if (sealed.error) {
			ok(false, "sealing: %s %s", sealed.error, daemon_error_message());
			return;
		}
		tried++;
		natives += sealed.native;
		if (!sealed.native && tried - natives <= 20)
			diag("not native: it %s", sealed.why);
	}
}

/* Runs it once; true: all threads have finished their work without a fault. */
static bool run(bool sealed, struct work_result results[WORK_THREADS])
{
	long began = milliseconds();
	pid_t pid = work_start(work, ROUNDS, PAGES);
	unsigned bad = 0, before = tried;

	atomic_store(&work->go, 1);
	if (sealed)
		seal_all_the_while(pid);
	for (int i = 0; work_done(work) < WORK_THREADS && i < 120000 / 20; i++) {
		/* A thread whose partner has found a fault waits forever. */
		unsigned failed = 0;

		for (int j = 0; j < WORK_THREADS; j++)
			failed += work->results[j].bad_line != 0;
		if (failed && i > 500)
			break;
		nap(20);
	}
	for (int i = 0; i < WORK_THREADS; i++) {
		const struct work_result *result = &work->results[i];

		if (result->bad_line || !result->done) {
			bad++;
			diag("thread %d (%s): line %u: found %d%s", i, result->name, result->bad_line,
			     result->bad_found, result->bad_line ? "" : ", has not ended");
		}
		results[i] = *result;
	}
	atomic_store(&work->go, 2);
	nap(50);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	diag("%s: %ld ms, %u seals, %u threads bad", sealed ? "sealed" : "left alone", milliseconds() - began,
	     tried - before, bad);
	return bad == 0;
}

static void compare(const struct work_result *alone, const struct work_result *now)
{
	for (int i = 0; i < WORK_THREADS; i++)
		if (now[i].sum != alone[i].sum && altered++ < 20)
			diag("thread %d (%s): sum %#llx, alone %#llx", i, now[i].name,
			     (unsigned long long)now[i].sum, (unsigned long long)alone[i].sum);
}

int main(int argc, char **argv)
{
	static struct work_result alone[WORK_THREADS], now[WORK_THREADS];
	unsigned failed = 0, processes = 0;
	struct puppet *other;

	puppet_main(argc, argv);
	work = mmap(NULL, sizeof(*work), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (work == MAP_FAILED)
		bail("mmap: %s", strerror(errno));
	if (!native_expected()) {
		skip("this kernel has no mseal(2)", "64 threads sealed natively");
		return tap_end();
	}
	if (getenv("MSEALD_THREADS_SEALS"))
		wanted = (unsigned)strtoul(getenv("MSEALD_THREADS_SEALS"), NULL, 10);
	if (wanted > SEALS)
		wanted = SEALS;
	daemon_start();
	/* The daemon competes with 64 threads on two emulated processors. */
	setpriority(PRIO_PROCESS, (id_t)daemon_pid(), -20);
	/* One process is always sealed, so that the programs are not attached anew each time. */
	other = puppet_new();
	must_seal(other->pid, puppet_pages(other, 1, PROT_READ), PAGE);
	if (!ok(run(false, alone), "64 threads, left alone: no call fails"))
		bail("so sealing them cannot be tested");
	run(false, now);
	compare(alone, now);
	ok(altered == 0, "left alone again: the same sums (%u differ)", altered);
	for (; tried < wanted && processes < MOST && !failed; processes++) {
		failed += !run(true, now);
		compare(alone, now);
	}
	ok(tried == wanted, "sealed %u times, in %u processes", tried, processes);
	ok(natives == tried, "each time natively (%u)", natives);
	ok(!failed, "no call fails");
	ok(altered == 0, "none returns anything else (%u threads differ)", altered);
	puppet_end(other);
	setpriority(PRIO_PROCESS, (id_t)daemon_pid(), 0);
	daemon_stop(SIGTERM);
	return tap_end();
}
