/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel seals a program as it starts: the first constructor always finds its memory sealed, also while
 * many others start, and while the daemon is stopped or gone. $MSEALD_BRIEF: some hundred starts instead of
 * some thousand.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "lib/base/clock.h"
#include "mseald/shared.h"
#include "puppet.h"
#include "tap.h"

#define FOLDER "/srv/early/"
#define RAMFS "/srv/early-ramfs"
#define ETC "/etc/mseald/policy.d"
#define CONFIG "/etc/mseald/mseald.conf"
#define AT_ONCE 12
#define MAPS "/sys/fs/bpf/mseald/maps/"
#define LEFT_KEY (UINT64_C(1) << 40) /* no address space has one as high */
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* Successes of an unsealed program: bits of its status. */
struct form {
	const char *name;
	int unsealed;
};

static const struct form forms[] = {
	{ "early", 0177 },	    { "early-lazy", 0177 },	{ "early-nopie", 0177 },
	{ "early-static", 07 },	    { "early-static-pie", 07 }, { "early-32", 0177 },
	{ "early-32-nopie", 0177 },
};

/* 32-bit programs, the last two, are not there for every architecture. */
static size_t forms_count(void)
{
	return COUNT(forms) - (access("early-32", F_OK) ? 2 : 0);
}

static void install(void)
{
	mkdir("/srv", 0755);
	mkdir(FOLDER, 0755);
	mkdir("/etc/mseald", 0755);
	mkdir(ETC, 0755);
	if (system("cp early* started started-norelro libearly*.so /usr/lib/*/libz.so.1 " FOLDER
		   " && cp early /srv/early-other"))
		bail("the programs cannot be copied");
	mkdir(RAMFS, 0755);
	if (mount("none", RAMFS, "ramfs", 0, NULL) ||
	    system("mkdir -p " RAMFS FOLDER " && cp early libearly.so /usr/lib/*/libc.so.6 " RAMFS FOLDER
		   " && for loader in /lib*/ld-linux-[xa]*; do"
		   " mkdir -p " RAMFS "${loader%/*} && cp $loader " RAMFS "$loader; done"))
		bail("no root on ramfs: %s", strerror(errno));
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (!file || fputs(text, file) == EOF || fclose(file))
		bail("cannot write %s", path);
}

static void write_policy(const char *text)
{
	write_file(ETC "/start.conf", text);
}

static pid_t start(const char *program, const char *order)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, order, NULL);
		_exit(126); /* an unsealed one can end with 127 */
	}
	if (pid < 0)
		bail("fork: %s", strerror(errno));
	return pid;
}

static int run(const char *name, const char *order)
{
	char path[256];

	snprintf(path, sizeof(path), FOLDER "%s", name);
	return child_end(start(path, order));
}

/*
 * Starts the program this often, some at a time. Returns how many did not end with status 0, like an unsealed
 * one.
 */
static unsigned storm(const char *program, const char *order, unsigned times)
{
	unsigned bad = 0;

	for (unsigned done = 0; done < times; done += AT_ONCE) {
		pid_t pids[AT_ONCE];

		for (unsigned i = 0; i < AT_ONCE; i++)
			pids[i] = start(program, order);
		for (unsigned i = 0; i < AT_ONCE; i++) {
			int status = child_end(pids[i]);

			if (status && !bad++)
				diag("one ended with status 0%o", status);
		}
	}
	return bad;
}

/* Repeats the storm until the file exists. */
static unsigned storm_until(const char *path)
{
	unsigned bad = 0;

	while (access(path, F_OK) < 0)
		bad += storm(FOLDER "early", NULL, AT_ONCE);
	return bad;
}

static void each_form(void)
{
	for (size_t i = 0; i < forms_count(); i++) {
		int status = run(forms[i].name, NULL);

		ok(status == 0, "%s: its constructor opens nothing (0%o)", forms[i].name, status);
		status = run(forms[i].name, "fork");
		ok(status == 0, "%s: nor does a child (0%o)", forms[i].name, status);
		status = run(forms[i].name, "fill");
		ok(status == 0, "%s: nor does userfaultfd change constants (%d)", forms[i].name, status);
	}
	ok(child_end(start("/srv/early-other", NULL)) == 0177,
	   "a program that no policy matches opens all of it");
	ok(child_end(start("/srv/early-other", "fill")) == 3,
	   "and userfaultfd changes its constants, and RELRO without a file");
}

/* On ramfs, unlike tmpfs, userfaultfd reaches only memory without a file. */
static int filled_on_ramfs(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (chroot(RAMFS) == 0)
			execl(FOLDER "early", FOLDER "early", "fill", NULL);
		_exit(127);
	}
	return child_end(pid);
}

/* The seals of a program whose policy names one segment. */
static void each_segment(void)
{
	static const struct {
		const char *segments;
		int left, filled;
	} cases[] = {
		{ "text", 0166, 0 },	    { "rodata", 0155, 0 }, { "relro", 033, 0 },
		{ "text rodata", 0144, 0 }, { "data", 0177, 2 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[256];
		int status;

		snprintf(text, sizeof(text), "[Match]\nExe=" FOLDER "\n[Seal]\nSegments=%s\n",
			 cases[i].segments);
		write_policy(text);
		if (daemon_call("ReloadPolicy", NULL, NULL))
			bail("the policies are not read again");
		status = run("early", NULL);
		ok(status == cases[i].left, "Segments=%s: only that is sealed (0%o)", cases[i].segments,
		   status);
		status = filled_on_ramfs();
		ok(status == cases[i].filled, "... and userfaultfd %s RELRO without a file (%d)",
		   cases[i].filled ? "changes" : "does not change", status);
	}
}

/* The loader's own call changes the data. It is not judged while the object is being sealed. */
static void data_again(void)
{
	static const char *const seals[] = { "Segments=data\n", "Segments=data\nDlopen=yes\n",
					     "Dlopen=yes\n" };

	ok(child_end(start("/srv/early-other", "data")) == 3,
	   "data can be made read-only three times, unsealed");
	for (size_t i = 0; i < COUNT(seals); i++) {
		char text[256];
		int status;

		snprintf(text, sizeof(text), "[Match]\nExe=" FOLDER "\n[Seal]\n%s", seals[i]);
		write_policy(text);
		if (daemon_call("ReloadPolicy", NULL, NULL))
			bail("the policies are not read again");
		status = run("early", "data");
		ok(status == 0, "%.*s: nor at the second or third time (%d)", (int)strcspn(seals[i], "\n"),
		   seals[i], status);
	}
	ok(run("early", "zero") == 0, "with memory that has no file where the kernel maps a program's");
}

/* What cannot be sealed without a kill, because it may be unloaded, is not. */
static void unloads(void)
{
	static const char *const names[] = { "early", "early-32" };
	const size_t count = COUNT(names) - (access("early-32", F_OK) ? 1 : 0);
	pid_t pids[COUNT(names)];

	write_policy("[Match]\nExe=" FOLDER "\n[Seal]\nDlopen=yes\n");
	if (daemon_call("ReloadPolicy", NULL, NULL))
		bail("the policies are not read again");
	for (size_t i = 0; i < count; i++) {
		char path[256];

		snprintf(path, sizeof(path), FOLDER "%s", names[i]);
		pids[i] = start(path, "unload");
	}
	for (size_t i = 0; i < count; i++) {
		int status = child_end(pids[i]);

		ok(status == 0, "Dlopen=yes: %s unloads a library, at once and after 14 s (0%o)", names[i],
		   status);
	}
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double used_by_children(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_CHILDREN, &usage);
	return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/* Programs that the kernel sealed; and their objects, sealed and left to the daemon. */
struct counts {
	int64_t starts, objects, left;
};

static struct counts read_counts(void)
{
	struct counts counts = {};
	json_t *reply = NULL, *reason;
	size_t i;

	if (daemon_call("Metrics", NULL, &reply))
		bail("no metrics");
	counts.starts = json_number(reply, "starts");
	counts.objects = json_number(reply, "objects");
	json_array_foreach(json_object_get(reply, "objects_left"), i, reason)
		counts.left += json_number(reason, "objects");
	json_decref(reply);
	return counts;
}

static void many(void)
{
	unsigned times = brief(10000, 240) / AT_ONCE * AT_ONCE, bad = storm(FOLDER "early", NULL, times);
	struct counts before, after;
	double children, daemon;

	ok(bad == 0, "%u programs: each was sealed before it began (%u not)", times, bad);
	/* The pool is full by then. */
	nap(5000);
	before = read_counts();
	children = used_by_children();
	daemon = (double)daemon_ticks();
	(void)storm(FOLDER "started", "--short", times);
	after = read_counts();
	ok(after.starts - before.starts == times && after.left == before.left &&
		   after.objects - before.objects == (after.starts - before.starts) * 3,
	   "%u programs that end at once: all %" PRId64 " were sealed, with library and loader (%" PRId64
	   " objects, %" PRId64 " left)",
	   times, after.starts - before.starts, after.objects - before.objects, after.left - before.left);
	children = used_by_children() - children;
	daemon = ((double)daemon_ticks() - daemon) / (double)sysconf(_SC_CLK_TCK);
	diag("the daemon used %.2f s, they %.2f s", daemon, children);
	if (daemon_under())
		skip("the daemon runs under something", "the daemon had little to do with it");
	else
		ok(daemon * brief(100, 4) < children, "the daemon had little to do with it");
}

/* What the programs and the daemon share: the caller unmaps it. */
static struct mseald_state *map_state(void)
{
	int map = bpf_obj_get(MAPS "state");
	struct mseald_state *state = map < 0 ? MAP_FAILED :
					       mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED,
						    map, 0);

	if (state == MAP_FAILED)
		bail("the state cannot be mapped: %s", strerror(errno));
	close(map);
	return state;
}

/* A daemon that begins may offer sets of the pool that a start was using: then another set is taken. */
static void offered_sets(void)
{
	struct mseald_state *state = map_state();
	pid_t pids[AT_ONCE];
	unsigned offered = 0, bad;

	/* So many that others are free. */
	for (int i = 0; i < 300 && state->pool_made < 2 * 64; i++)
		nap(100);
	for (size_t i = 0; i < AT_ONCE; i++)
		pids[i] = start(FOLDER "started", "--sleep");
	nap(1000);
	for (uint32_t at = 1; at < state->pool_made; at++) {
		uint64_t bit = UINT64_C(1) << at % 64;

		offered += !(__sync_fetch_and_or(&state->pool_free[at / 64], bit) & bit);
	}
	bad = storm(FOLDER "early", NULL, AT_ONCE);
	ok(offered >= AT_ONCE && bad == 0, "%u sets in use are offered: a start takes none of them (%u not)",
	   offered, bad);
	for (size_t i = 0; i < AT_ONCE; i++) {
		(void)kill(pids[i], SIGKILL);
		(void)child_end(pids[i]);
	}
	(void)munmap(state, sizeof(*state));
}

/*
 * Where the kernel preempts programs (7.3), the one that sees an exit can be skipped. While there is no
 * daemon, a start takes over what is left of dead programs.
 */
static void left_behind(void)
{
	static struct mseald_start dead;
	struct mseald_state *state = map_state();
	int starts = bpf_obj_get(MAPS "starts");
	unsigned count = 0, bad;

	if (starts < 0)
		bail("no map of starts: %s", strerror(errno));
	dead.facts.pid = (uint32_t)start("/bin/true", NULL);
	(void)child_end((pid_t)dead.facts.pid);
	daemon_pause(true);
	for (uint32_t i = 0; i < MSEALD_STARTS; i++) {
		uint64_t key = LEFT_KEY + i;

		if (!__sync_bool_compare_and_swap(&state->start_keys[i], 0, key))
			continue;
		(void)bpf_map_update_elem(starts, &i, &dead, BPF_ANY);
		__sync_fetch_and_add(&state->slots[key % MSEALD_SLOTS].watched, 1);
		count++;
	}
	bad = storm(FOLDER "early", NULL, 10 * AT_ONCE);
	for (uint32_t i = 0; i < MSEALD_STARTS; i++)
		if (__sync_bool_compare_and_swap(&state->start_keys[i], LEFT_KEY + i, 0))
			__sync_fetch_and_add(&state->slots[(LEFT_KEY + i) % MSEALD_SLOTS].watched, -1);
	daemon_pause(false);
	ok(count > MSEALD_STARTS / 2 && bad == 0,
	   "%u dead programs are left behind: %u others start, and are sealed (%u not)", count, 10 * AT_ONCE,
	   bad);
	close(starts);
	(void)munmap(state, sizeof(*state));
}

static void without_daemon(void)
{
	unsigned times = brief(1000, 60), bad;

	daemon_pause(true);
	ok(run("early", "crowd") == 0, "a program while 2,200 children of another live: it was sealed");
	bad = storm(FOLDER "early", NULL, times);
	daemon_pause(false);
	ok(bad == 0, "%u programs while the daemon is stopped: each was sealed (%u not)", times, bad);
	(void)daemon_stop(SIGKILL);
	bad = storm(FOLDER "early", NULL, times);
	ok(bad == 0, "%u programs while there is no daemon: each was sealed (%u not)", times, bad);
	daemon_start();
	bad = storm(FOLDER "early", NULL, AT_ONCE);
	ok(bad == 0, "and with the next daemon (%u not)", bad);
	if (daemon_under()) {
		skip("it takes too long under something", "while one daemon takes over from another");
		return;
	}
	bad = 0;
	for (unsigned i = 0; i < brief(10, 2); i++) {
		pid_t storming = fork();

		if (storming == 0)
			_exit(storm_until(FOLDER "over") ? 1 : 0);
		(void)daemon_stop(SIGKILL);
		daemon_start();
		if (creat(FOLDER "over", 0600) < 0)
			bail("no file: %s", strerror(errno));
		bad += child_end(storming) != 0;
		(void)unlink(FOLDER "over");
	}
	ok(bad == 0, "while one daemon takes over from another: each was sealed");
}

/* Each attempt is on one segment, though one seal may cover several. */
static void segments_of_attempts(void)
{
	static const char *const names[] = { "text", "rodata", "relro" };
	unsigned seen[COUNT(names)] = {}, others = 0;
	struct monitor monitor;
	json_t *event;
	pid_t pid;

	monitor_open(&monitor, 0);
	pid = start(FOLDER "early", NULL);
	(void)child_end(pid);
	while ((event = monitor_next(&monitor, 1000))) {
		const char *segment = json_text(event, "segment");
		size_t i = 0;

		while (i < COUNT(names) && strcmp(segment, names[i]) != 0)
			i++;
		if (i < COUNT(names))
			seen[i]++;
		else if (!others++)
			diag("an attempt on segment \"%s\"", segment);
		json_decref(event);
	}
	monitor_close(&monitor);
	/* Twice each, in program and library; and once the RELRO of these two, libc and the loader. */
	ok(seen[0] == 4 && seen[1] == 4 && seen[2] == 8 && !others,
	   "its attempts: %u on text, %u on rodata, %u on relro, %u others", seen[0], seen[1], seen[2],
	   others);
}

static void staying(void)
{
	pid_t pid = start(FOLDER "early", "stay");

	nap(300);
	ok(daemon_call("List", NULL, NULL) == NULL, "what was sealed by the kernel can be listed");
	ok(status_number("sets") >= 1, "and counts");
	nap(5000);
	ok(kill(pid, 0) == 0, "it lives on while the daemon makes it complete");
	kill(pid, SIGKILL);
	(void)child_end(pid);
}

/* --- parts that are not sealed at the start, and the reasons --- */

/* "STATE REASON", as in policy list; static. */
static const char *state_of(pid_t pid)
{
	static char text[64];
	json_t *reply = NULL, *match;
	size_t i;

	if (daemon_call("ListMatches", NULL, &reply))
		bail("no list");
	snprintf(text, sizeof(text), "not listed");
	json_array_foreach(json_object_get(reply, "matches"), i, match)
		if (json_number(match, "pid") == pid)
			snprintf(text, sizeof(text), "%s %s", json_text(match, "state"),
				 json_text(match, "reason"));
	json_decref(reply);
	return text;
}

static void state_is(pid_t pid, const char *state, const char *name)
{
	const char *is = state_of(pid);

	ok(strcmp(is, state) == 0, "%s (%s)", name, is);
}

static bool becomes(pid_t pid, const char *state, int seconds)
{
	for (int i = 0; i < seconds * 10 && strcmp(state_of(pid), state) != 0; i++)
		nap(100);
	return strcmp(state_of(pid), state) == 0;
}

/* Processes in a list of Metrics, selected by one of its labels. */
static int64_t metric(const char *list, const char *label, const char *value)
{
	json_t *reply = NULL, *one;
	int64_t number = -1;
	size_t i;

	if (daemon_call("Metrics", NULL, &reply))
		bail("no metrics");
	json_array_foreach(json_object_get(reply, list), i, one)
		if (strcmp(json_text(one, label), value) == 0)
			number = json_number(one, "processes");
	json_decref(reply);
	return number;
}

/* The number of its native seals; -1: no seals at all. */
static int native_seals(pid_t pid)
{
	json_t *seals = daemon_seals(pid), *seal;
	int count = json_array_size(seals) ? 0 : -1;
	size_t i;

	json_array_foreach(seals, i, seal)
		count += strcmp(json_text(seal, "gate"), "native") == 0;
	json_decref(seals);
	return count;
}

static bool log_has(const char *format, pid_t pid)
{
	char text[128], command[256];

	snprintf(text, sizeof(text), format, pid);
	snprintf(command, sizeof(command), "grep -q '%s' " DAEMON_LOG, text);
	return system(command) == 0;
}

static void reasons(void)
{
	int64_t late = metric("late", "reason", "relro"), ended = metric("ended", "reason", "relro");
	int64_t before = metric("delays", "le", "1"), all = metric("delays", "le", "+Inf"), written;
	pid_t pid = start(FOLDER "started-norelro", "--sleep");
	int fd;

	nap(300);
	state_is(pid, "pending relro", "without RELRO: pending, and why");
	ok(becomes(pid, "sealed ", 20), "then it is sealed (%s)", state_of(pid));
	ok(metric("late", "reason", "relro") == late + 1, "and counted as late");
	ok(metric("delays", "le", "1") == before && metric("delays", "le", "+Inf") == all + 1,
	   "more than a second late");
	kill(pid, SIGKILL);
	(void)child_end(pid);
	ok(metric("ended", "reason", "relro") == ended, "its end is not counted");
	(void)run("started-norelro", "--short");
	ok(metric("ended", "reason", "relro") == ended + 1, "that of one that is not sealed yet, is");
	fd = open(FOLDER "libz.so.1", O_RDWR | O_CLOEXEC);
	setenv("LD_PRELOAD", FOLDER "libz.so.1", 1);
	late = metric("late", "reason", "written");
	written = metric("ended", "reason", "written");
	pid = start(FOLDER "started", "--sleep");
	ok(becomes(pid, "sealed ", 20), "a library that is open for writing: sealed (%s)", state_of(pid));
	ok(metric("late", "reason", "written") == late + 1, "late, and why");
	kill(pid, SIGKILL);
	(void)child_end(pid);
	daemon_pause(true);
	(void)run("started", "--short");
	daemon_pause(false);
	ok(metric("ended", "reason", "written") == written + 1, "one that the daemon does not get to see");
	unsetenv("LD_PRELOAD");
	close(fd);
	ended = metric("ended", "reason", "relro");
	(void)run("early", "fork");
	ok(metric("ended", "reason", "relro") == ended && metric("ended", "reason", "written") == written + 1,
	   "one that was sealed is not counted, nor its child");
}

static size_t seals_of(pid_t pid)
{
	json_t *seals = daemon_seals(pid);
	size_t count = json_array_size(seals);

	json_decref(seals);
	return count;
}

/* Held by a tracer before its loader has run, or only traced. */
static pid_t start_traced(bool held)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(FOLDER "early", "early", "stay", NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    (!held && ptrace(PTRACE_CONT, pid, NULL, NULL)))
		bail("no traced child");
	return pid;
}

/*
 * Native seals come after NativeAfter=; a program whose loader is at work after Settle= is sealed as far as
 * the loader can go on.
 */
static void settings(void)
{
	bool native = getenv("MSEALD_EXPECT_NATIVE");
	pid_t pid, traced, held;
	char command[64];
	uint64_t began;
	int status;

	(void)daemon_stop(SIGTERM);
	write_file(CONFIG, "[Mseald]\nSettle=0\n");
	(void)daemon_spawn();
	status = daemon_end();
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 78, "Settle=0: it does not start");
	write_file(CONFIG, "[Mseald]\nDebug=yes\nNativeAfter=5s\nSettle=2s\n");
	daemon_start();
	began = clock_ns(CLOCK_BOOTTIME);
	traced = start_traced(false);
	held = start_traced(true);
	pid = start(FOLDER "early", "stay");
	for (int i = 0; i < 600 && (seals_of(held) <= 0 || seals_of(traced) <= 0); i++)
		nap(100);
	/* However slow the machine is: never earlier. */
	ok(seals_of(held) > 0 && clock_ns(CLOCK_BOOTTIME) - began >= 2 * NS_PER_SECOND,
	   "held by a tracer, Settle=2s: sealed then, but not what its loader needs");
	state_is(held, "pending settle", "so pending, and why");
	state_is(traced, "weaker gate", "only traced: sealed, but its constructor has opened RELRO");
	ok(metric("late", "reason", "traced") == 1, "late, for it is traced");
	for (int i = 0; native && i < 600 && native_seals(pid) <= 0; i++)
		nap(100);
	if (native) {
		ok(native_seals(pid) > 0 && clock_ns(CLOCK_BOOTTIME) - began >= 5 * NS_PER_SECOND,
		   "NativeAfter=5s: native then");
		ok(log_has("pid %d was stopped with ptrace(2)", pid), "and the log says that it was stopped");
		nap(3000);
		ok(native_seals(traced) == 0 && log_has("pid %d is traced by another program", traced) &&
			   !log_has("pid %d was stopped", traced),
		   "one that is traced is left alone, and stays not native");
	} else {
		skip("no mseal(2)", "NativeAfter=: native then");
	}
	kill(pid, SIGKILL);
	(void)child_end(pid);
	kill(traced, SIGKILL);
	(void)child_end(traced);
	kill(held, SIGKILL);
	(void)child_end(held);
	(void)daemon_stop(SIGTERM);
	write_file(CONFIG, "[Mseald]\nDebug=yes\nNativeAfter=infinity\n");
	daemon_start();
	pid = start(FOLDER "early", "stay");
	/* The set is still that of the kernel. */
	snprintf(command, sizeof(command), "msealctl seal --dry-run %d >/dev/null", pid);
	ok(system(command) == 0 && !log_has("pid %d was stopped with ptrace(2)", pid),
	   "a dry run does not call mseal(2)");
	nap(4000);
	ok(native_seals(pid) == 0, "NativeAfter=infinity: never native (%d)", native_seals(pid));
	state_is(pid, "sealed ", "but sealed");
	kill(pid, SIGKILL);
	(void)child_end(pid);
	(void)unlink(CONFIG);
}

static bool gets_native(pid_t pid)
{
	for (int i = 0; i < 300 && native_seals(pid) <= 0; i++)
		nap(100);
	return native_seals(pid) > 0;
}

/* Asks without another process, which could get that key. */
static bool is_called_with(pid_t pid, const char *order)
{
	char path[32], line[256] = "";
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = read(fd, line, sizeof(line));
	close(fd);
	return length > 0 && memmem(line, (size_t)length, order, strlen(order));
}

/*
 * What executes twice can have the key of its first program again (MSEALD_KEYS_RETURN). What the daemon knows
 * of that one, which it watches for dlopen(3), must not stand for the new one.
 */
static void executes_twice(void)
{
	pid_t pid;

	(void)daemon_stop(SIGTERM);
	write_file(CONFIG, "[Mseald]\nNativeAfter=1s\n");
	write_policy("[Match]\nExe=" FOLDER "\n[Seal]\nDlopen=yes\n");
	daemon_start();
	pid = start(FOLDER "early", "renew");
	ok(gets_native(pid), "a program is native");
	kill(pid, SIGUSR1);
	for (int i = 0; i < 300 && !is_called_with(pid, "stay"); i++)
		nap(100);
	ok(gets_native(pid), "so is what it becomes by executing twice");
	kill(pid, SIGKILL);
	(void)child_end(pid);
	(void)unlink(CONFIG);
}

int main(void)
{
	install();
	for (size_t i = 0; i < forms_count(); i++) {
		int status = run(forms[i].name, NULL);

		ok(status == forms[i].unsealed, "%s: unsealed, its constructor opens all of it (0%o)",
		   forms[i].name, status);
	}
	write_policy("[Match]\nExe=" FOLDER "\n[Seal]\nSegments=all\n");
	daemon_start();
	each_form();
	many();
	offered_sets();
	/* 6.1 has no bpf_task_from_pid(); it skips no program either. */
	if (getenv("MSEALD_EXPECT_NATIVE"))
		left_behind();
	without_daemon();
	segments_of_attempts();
	staying();
	reasons();
	settings();
	if (getenv("MSEALD_EXPECT_NATIVE"))
		executes_twice();
	each_segment();
	data_again();
	unloads();
	ok(status_becomes("sets", 0, 30), "no seal sets are left");
	ok(daemon_stop(SIGTERM) == 0, "and it ends well");
	(void)unlink(ETC "/start.conf");
	return tap_end();
}
