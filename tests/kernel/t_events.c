/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon reports one event for each attempt, with everything needed to find the culprit. Events that are
 * lost while no client reads are counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "lib/base/names.h"
#include "tap.h"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define CGROUP "/sys/fs/cgroup/mseald-test"
#define THREAD (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES)

struct expected {
	pid_t pid, tid;
	int64_t uid, gid, cgroup;
	const char *comm, *operation, *verdict;
	uint64_t address, length, seal_start, seal_end;
};

static int64_t boot_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_BOOTTIME, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static bool is_number(const json_t *object, const char *member, int64_t wanted, const char *what)
{
	int64_t is = json_number(object, member);

	if (is == wanted)
		return true;
	diag("%s: %s is %" PRId64 " (%#" PRIx64 "), not %" PRId64 " (%#" PRIx64 ")", what, member, is, is,
	     wanted, wanted);
	return false;
}

static bool is_text(const json_t *object, const char *member, const char *wanted, const char *what)
{
	if (!strcmp(json_text(object, member), wanted))
		return true;
	diag("%s: %s is \"%s\", not \"%s\"", what, member, json_text(object, member), wanted);
	return false;
}

/* Is the address in the text of the test program, where puppets make their calls? */
static bool in_own_text(uint64_t address)
{
	extern char __executable_start, etext;

	return address >= (uint64_t)&__executable_start && address < (uint64_t)&etext;
}

static void check_event(struct monitor *monitor, const struct expected *wanted, int64_t since,
			const char *what)
{
	json_t *event = monitor_next(monitor, 10000);
	json_t *seal = json_object_get(event, "seal");
	uint64_t ip = (uint64_t)json_number(event, "ip");
	int64_t time = json_number(event, "time");
	bool good = true;

	if (!ok(event != NULL, "%s: an event", what))
		return;
	good &= is_number(event, "pid", wanted->pid, what);
	good &= is_number(event, "tid", wanted->tid, what);
	good &= is_number(event, "uid", wanted->uid, what);
	good &= is_number(event, "gid", wanted->gid, what);
	if (wanted->cgroup)
		good &= is_number(event, "cgroup", wanted->cgroup, what);
	good &= is_text(event, "comm", wanted->comm, what);
	ok(good, "%s: names the process", what);
	good = is_text(event, "operation", wanted->operation, what);
	good &= is_number(event, "address", (int64_t)wanted->address, what);
	good &= is_number(event, "length", (int64_t)wanted->length, what);
	if (!in_own_text(ip)) {
		diag("%s: ip %#" PRIx64 " is not in the text of the program", what, ip);
		good = false;
	}
	ok(good, "%s: says what it did, and from where", what);
	good = is_number(seal, "start", (int64_t)wanted->seal_start, what);
	good &= is_number(seal, "end", (int64_t)wanted->seal_end, what);
	good &= is_text(event, "segment", "none", what);
	good &= is_text(event, "verdict", wanted->verdict, what);
	good &= json_number(event, "space") > 0;
	ok(good, "%s: says which seal it met, and the verdict", what);
	if (!ok(time >= since && time <= boot_time(), "%s: says when", what))
		diag("%" PRId64 " is not between %" PRId64 " and %" PRId64, time, since, boot_time());
	json_decref(event);
}

/* A process in its own cgroup, with its own uid, gid and name. */
static struct puppet *somebody(const char *name, int64_t *ret_cgroup)
{
	struct puppet *puppet = puppet_new();
	struct stat status;
	FILE *file;

	*ret_cgroup = 0;
	(void)mkdir(CGROUP, 0755);
	file = fopen(CGROUP "/cgroup.procs", "we");
	if (file) {
		fprintf(file, "%d\n", puppet->pid);
		if (fclose(file) == 0 && stat(CGROUP, &status) == 0)
			*ret_cgroup = (int64_t)status.st_ino;
	}
	snprintf(puppet_data(puppet), 16, "%s", name);
	puppet_call(puppet, SYS_prctl, PR_SET_NAME, (long)puppet_data(puppet));
	puppet_call(puppet, SYS_setresgid, 1000, 1000, 1000);
	puppet_call(puppet, SYS_setresuid, 1000, 1000, 1000);
	return puppet;
}

/* --- each operation --- */

static struct expected by(const struct puppet *puppet, int64_t cgroup, const char *operation,
			  const char *verdict)
{
	return (struct expected){ .pid = puppet->pid,
				  .tid = puppet->tid,
				  .uid = 1000,
				  .gid = 1000,
				  .cgroup = cgroup,
				  .comm = "culprit",
				  .operation = operation,
				  .verdict = verdict };
}

enum { TRY_MPROTECT, TRY_MMAP, TRY_SHMAT, TRY_MUNMAP, TRY_MREMAP, TRY_ONTO, TRY_MADVISE, TRY_COUNT };

static const struct {
	enum mseald_op op;
	bool by_gate;
	unsigned long offset, pages; /* of the reported range, from the seal's start */
	const char *what;
} tries[TRY_COUNT] = {
	[TRY_MPROTECT] = { MSEALD_OP_MPROTECT, false, 1, 3, "mprotect" },
	[TRY_MMAP] = { MSEALD_OP_MMAP, false, 0, 2, "mmap" },
	[TRY_SHMAT] = { MSEALD_OP_SHMAT, false, 0, 2, "shmat" },
	[TRY_MUNMAP] = { MSEALD_OP_MUNMAP, true, 1, 2, "munmap" },
	[TRY_MREMAP] = { MSEALD_OP_MREMAP, true, 0, 2, "mremap" },
	[TRY_ONTO] = { MSEALD_OP_MREMAP, true, 1, 1, "mremap onto it" },
	[TRY_MADVISE] = { MSEALD_OP_MADVISE, true, 0, 1, "madvise" },
};

static long try_one(struct puppet *puppet, int how, uint64_t seal)
{
	uint64_t at = seal + tries[how].offset * PAGE;
	long length = (long)(tries[how].pages * PAGE), id, result;

	switch (how) {
	case TRY_MPROTECT: return puppet_call(puppet, SYS_mprotect, at, length, PROT_NONE);
	case TRY_MMAP:
		return puppet_call(puppet, SYS_mmap, at, length, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0);
	case TRY_SHMAT:
		id = shmget(IPC_PRIVATE, (size_t)length, IPC_CREAT | 0666);
		result = puppet_call(puppet, SYS_shmat, id, at, SHM_REMAP);
		shmctl((int)id, IPC_RMID, NULL);
		return result;
	case TRY_MUNMAP: return puppet_call(puppet, SYS_munmap, at, length);
	case TRY_MREMAP: return puppet_call(puppet, SYS_mremap, at, length, PAGE, 0);
	case TRY_ONTO:
		id = puppet_call(puppet, SYS_mmap, 0, length, PROT_READ, ANONYMOUS, -1, 0);
		return puppet_call(puppet, SYS_mremap, id, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, at);
	default: return puppet_call(puppet, SYS_madvise, at, length, MADV_DONTNEED);
	}
}

static void each_operation(void)
{
	struct monitor all;

	monitor_open(&all, 0);
	for (int how = 0; how < TRY_COUNT; how++) {
		bool gone = tries[how].by_gate && !gate_denies();
		int64_t cgroup, since = boot_time();
		struct puppet *puppet = somebody("culprit", &cgroup);
		uint64_t seal = puppet_pages(puppet, 6, PROT_READ) + PAGE;
		struct expected wanted = by(puppet, cgroup, names_op(tries[how].op),
					    gone ? "killed" : "denied");
		struct monitor one, other;
		json_t *event;

		must_seal(puppet->pid, seal, 3 * PAGE);
		monitor_open(&one, puppet->pid);
		monitor_open(&other, getpid());
		wanted.address = seal + tries[how].offset * PAGE;
		wanted.length = tries[how].pages * PAGE;
		wanted.seal_start = seal;
		wanted.seal_end = seal + 3 * PAGE;
		(void)try_one(puppet, how, seal);
		check_event(&one, &wanted, since, tries[how].what);
		event = monitor_next(&all, 10000);
		ok(event && json_number(event, "pid") == puppet->pid,
		   "%s: sent to a monitor of all processes, too", tries[how].what);
		json_decref(event);
		event = monitor_next(&one, 300);
		ok(!event, "%s: one event, not more (%s)", tries[how].what, json_text(event, "operation"));
		json_decref(event);
		event = monitor_next(&all, 0);
		json_decref(event);
		event = monitor_next(&other, 0);
		ok(!event, "%s: not sent to a monitor of another process", tries[how].what);
		json_decref(event);
		monitor_close(&one);
		monitor_close(&other);
		puppet_end(puppet);
	}
	monitor_close(&all);
}

/* If two programs see one audited call, it is still one attempt. */
static void audited_once(void)
{
	for (int how = 0; how < TRY_COUNT; how++) {
		struct puppet *puppet = puppet_new();
		uint64_t seal = puppet_pages(puppet, 6, PROT_READ) + PAGE;
		struct range range = { seal, seal + 3 * PAGE };
		struct monitor monitor;
		unsigned events = 0;
		json_t *event;

		if (daemon_seal(
			    &(struct seal_order){
				    .pid = puppet->pid, .ranges = &range, .count = 1, .action = "audit" },
			    NULL))
			bail("sealing with action audit: %s", daemon_error_message());
		monitor_open(&monitor, puppet->pid);
		ok(try_one(puppet, how, seal) >= 0, "%s, audited: let through", tries[how].what);
		while ((event = monitor_next(&monitor, events ? 300 : 10000))) {
			if (events++ > 0)
				diag("%s: once more as %s", tries[how].what, json_text(event, "operation"));
			json_decref(event);
		}
		ok(events == 1, "%s, audited: one event (%u)", tries[how].what, events);
		monitor_close(&monitor);
		puppet_end(puppet);
	}
}

static void threads_and_order(void)
{
	int64_t cgroup, since = boot_time();
	struct puppet *puppet = somebody("culprit", &cgroup), *thread = puppet_clone(puppet, THREAD, NULL);
	uint64_t start = puppet_pages(puppet, 64, PROT_READ);
	struct range ranges[32];
	struct expected wanted = by(thread, cgroup, "mprotect", "denied");
	struct monitor monitor;
	unsigned right = 0;

	for (uint64_t i = 0; i < 32; i++)
		ranges[i] = (struct range){ start + 2 * i * PAGE, start + (2 * i + 1) * PAGE };
	if (daemon_seal(&(struct seal_order){ .pid = puppet->pid, .ranges = ranges, .count = 32 }, NULL))
		bail("sealing 32 pages: %s", daemon_error_message());
	monitor_open(&monitor, 0);
	wanted.address = ranges[5].start;
	wanted.length = PAGE;
	wanted.seal_start = ranges[5].start;
	wanted.seal_end = ranges[5].end;
	puppet_call(thread, SYS_mprotect, ranges[5].start, PAGE, PROT_NONE);
	check_event(&monitor, &wanted, since, "a thread");
	for (size_t i = 0; i < 200; i++)
		puppet_call(puppet, SYS_mprotect, ranges[i * 7 % 32].start, PAGE, PROT_NONE);
	for (size_t i = 0; i < 200; i++) {
		json_t *event = monitor_next(&monitor, 10000);

		right += (uint64_t)json_number(event, "address") == ranges[i * 7 % 32].start &&
			 (uint64_t)json_number(json_object_get(event, "seal"), "start") ==
				 ranges[i * 7 % 32].start;
		json_decref(event);
	}
	ok(right == 200, "200 attempts are reported in their order, each with its seal (%u)", right);
	monitor_close(&monitor);
	puppet_end(thread);
	puppet_end(puppet);
}

static void segments(void)
{
	struct puppet *puppet = puppet_new();
	struct monitor monitor;
	json_t *event;

	if (daemon_seal(&(struct seal_order){ .pid = puppet->pid, .segments = "text" }, NULL))
		bail("sealing the text of a puppet: %s", daemon_error_message());
	monitor_open(&monitor, puppet->pid);
	ok(puppet_call(puppet, SYS_mprotect, (uint64_t)&segments & -PAGE, PAGE, PROT_READ | PROT_EXEC) ==
		   -EPERM,
	   "sealed by segment: the program's text");
	event = monitor_next(&monitor, 10000);
	ok(!strcmp(json_text(event, "segment"), "text"), "the event names the segment of the seal (%s)",
	   json_text(event, "segment"));
	json_decref(event);
	monitor_close(&monitor);
	puppet_end(puppet);
}

/* --- too many --- */

/* page, count: returns the number of attempts that were not denied. */
static long attack_often(const long arguments[6])
{
	long wrong = 0;

	for (long i = 0; i < arguments[1]; i++)
		wrong += RAW(SYS_mprotect, arguments[0], PAGE, PROT_NONE) != -EPERM;
	return wrong;
}

static void buffer_overflows(void)
{
	const long count = brief(300000, 30000);
	struct puppet *puppet = puppet_new(), *idle = puppet_new();
	uint64_t page = puppet_pages(puppet, 1, PROT_READ);
	int64_t denied, lost, received = 0;
	struct monitor monitor;
	json_t *event;
	long wrong;

	must_seal(puppet->pid, page, PAGE);
	denied = status_number("denied");
	lost = status_number("lost");
	monitor_open(&monitor, 0);
	daemon_pause(true);
	wrong = puppet_run(puppet, attack_often, (long)page, count);
	ok(wrong == 0, "%ld attempts while the daemon stands still: all denied (%ld not)", count, wrong);
	ok(!strcmp(protection_of(puppet->pid, page), "r--p"), "and nothing has changed");
	daemon_pause(false);
	ok(daemon_alive(), "the daemon goes on");
	while ((event = monitor_next(&monitor, 3000))) {
		received++;
		json_decref(event);
	}
	lost = status_number("lost") - lost;
	ok(status_number("denied") == denied + count, "all of them are counted as denied (%" PRId64 ")",
	   status_number("denied") - denied);
	ok(lost > 0, "events were lost, and Status counts them (%" PRId64 ")", lost);
	ok(!monitor.gone, "the monitor is still connected");
	ok(received > 0 && received + monitor.lost == count,
	   "what the monitor got and what was reported as lost make as many (%" PRId64 " + %" PRId64 ")",
	   received, monitor.lost);
	/* After the burst an attempt is reported as before it. */
	puppet_call(puppet, SYS_mprotect, page, PAGE, PROT_NONE);
	event = monitor_next(&monitor, 10000);
	ok(json_number(event, "pid") == puppet->pid, "the next attempt is reported again");
	json_decref(event);
	monitor_close(&monitor);
	puppet_end(idle);
	puppet_end(puppet);
}

/* Runs in a puppet: this many children make some attempts each, and end. */
static long attack_by_children(const long arguments[6])
{
	for (long i = 0; i < arguments[2]; i++) {
		long child = RAW(SYS_clone, SIGCHLD), status;

		if (child < 0)
			return child;
		if (child == 0) {
			const long own[6] = { arguments[0], arguments[1] };

			RAW(SYS_exit, attack_often(own));
		}
		while (RAW(SYS_wait4, child, &status, 0, 0) == -EINTR)
			;
	}
	return 0;
}

/* Runs in a puppet: denied attempts, and then one more, elsewhere. */
static long attack_and_once_more(const long arguments[6])
{
	attack_often(arguments);
	return RAW(SYS_mprotect, arguments[2], PAGE, PROT_NONE);
}

static int64_t lost_unused(void)
{
	json_t *reply;
	int64_t number;

	if (daemon_call("Metrics", NULL, &reply))
		bail("Metrics: %s", daemon_error_message());
	number = json_number(reply, "lost_unused");
	json_decref(reply);
	return number;
}

/* Continuous attempts, also by many processes, do not displace the events of others. */
static void others_are_reported(void)
{
	struct puppet *noisy = puppet_new(), *quiet = puppet_new(), *ends = puppet_new(),
		      *killed = puppet_new();
	uint64_t page = puppet_pages(noisy, 1, PROT_READ), other = puppet_pages(quiet, 1, PROT_READ);
	struct range own = { puppet_pages(killed, 3, PROT_READ), 0 };
	int64_t lost = status_number("lost"), unused_lost = lost_unused(), reported = 0, kills = 0;
	const long many = brief(10000, 3000);
	struct monitor monitor;
	json_t *event;

	must_seal(noisy->pid, page, PAGE);
	must_seal(quiet->pid, other, PAGE);
	must_seal(ends->pid, puppet_pages(ends, 1, PROT_READ), PAGE);
	own.end = own.start + PAGE;
	if (daemon_seal(
		    &(struct seal_order){ .pid = killed->pid, .ranges = &own, .count = 1, .action = "kill" },
		    NULL))
		bail("sealing: %s", daemon_error_message());
	must_seal(killed->pid, own.start + 2 * PAGE, PAGE);
	monitor_open(&monitor, 0);
	daemon_pause(true);
	for (int i = 0; i < 5; i++) {
		ok(puppet_run(noisy, attack_often, (long)page, many) == 0,
		   "others: %ld attempts while the daemon stands still", many);
		puppet_call(quiet, SYS_mprotect, other, PAGE, PROT_NONE);
		nap(300);
	}
	/*
	 * Very many processes send events; the rest of the buffer is reserved for other events than attempts.
	 */
	ok(puppet_run(noisy, attack_by_children, (long)page, 10, 600) == 0,
	   "others: 600 processes try as well");
	ends = puppet_end(ends);
	/* It has just reported another attempt. */
	ok(puppet_run(killed, attack_and_once_more, (long)own.start + 2 * (long)PAGE, 1000,
		      (long)own.start) == PUPPET_DEAD,
	   "others: one is killed");
	daemon_pause(false);
	while ((event = monitor_next(&monitor, 3000))) {
		reported += json_number(event, "pid") == quiet->pid;
		kills += json_number(event, "pid") == killed->pid &&
			 !strcmp(json_text(event, "verdict"), "killed");
		json_decref(event);
	}
	ok(reported == 5, "others: all 5 attempts of another process are reported (%" PRId64 ")", reported);
	ok(status_number("lost") > lost, "others: though events were lost (%" PRId64 ")",
	   status_number("lost") - lost);
	ok(kills == 1,
	   "others: a kill is reported (%" PRId64
	   "), for processes that share the memory must be killed as well",
	   kills);
	ok(lost_unused() == unused_lost, "others: that a process has ended is not lost (%" PRId64 ")",
	   lost_unused() - unused_lost);
	monitor_close(&monitor);
	puppet_end(killed);
	puppet_end(quiet);
	puppet_end(noisy);
}

/* A monitor that never reads must stop neither the daemon nor other monitors. */
static void monitor_that_does_not_read(void)
{
	/* More than the queue of a client that does not read: 8 MB. */
	const long count = brief(50000, 25000);
	struct puppet *puppet = puppet_new();
	uint64_t page = puppet_pages(puppet, 1, PROT_READ);
	struct monitor lazy, busy;
	int64_t received = 0;
	json_t *event;

	must_seal(puppet->pid, page, PAGE);
	monitor_open(&lazy, 0);
	monitor_open(&busy, 0);
	puppet_start(puppet, attack_often, (long)page, count);
	while (received + busy.lost < count && (event = monitor_next(&busy, 5000))) {
		received++;
		json_decref(event);
	}
	ok(puppet_result(puppet) == 0, "a monitor that does not read: %ld attempts are denied", count);
	ok(received > 0 && received + busy.lost == count,
	   "a monitor that does not read: another one gets all, or the number of the lost (%" PRId64
	   " + %" PRId64 ")",
	   received, busy.lost);
	ok(daemon_alive(), "a monitor that does not read: the daemon answers");
	/* After its sleep it may continue and learns what it missed, or has been dropped. */
	received = 0;
	while ((event = monitor_next(&lazy, 3000))) {
		received++;
		json_decref(event);
	}
	ok(lazy.gone || received + lazy.lost == count,
	   "a monitor that does not read: dropped, or sent the number it missed (%s, %" PRId64 " + %" PRId64
	   ")",
	   lazy.gone ? "dropped" : "sent", received, lazy.lost);
	monitor_close(&lazy);
	monitor_close(&busy);
	puppet_end(puppet);
}

int main(int argc, char **argv)
{
	puppet_main(argc, argv);
	(void)gate_is_override();
	daemon_start();
	each_operation();
	audited_once();
	threads_and_order();
	segments();
	buffer_overflows();
	others_are_reported();
	monitor_that_does_not_read();
	rmdir(CGROUP);
	daemon_stop(SIGTERM);
	return tap_end();
}
