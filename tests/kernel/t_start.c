/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel seals a program as it starts: the first constructor finds its memory sealed, every time, while
 * many others start, and while the daemon is stopped, or gone. $MSEALD_BRIEF: some hundred starts instead of
 * some thousand.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "puppet.h"
#include "tap.h"

#define FOLDER "/srv/early/"
#define ETC "/etc/mseald/policy.d"
#define AT_ONCE 12
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* What a program can do unsealed: bits of its status. */
struct form {
	const char *name;
	int unsealed;
};

static const struct form forms[] = {
	{ "early", 0177 },      { "early-lazy", 0177 },
	{ "early-nopie", 0177 }, { "early-static", 07 }, { "early-static-pie", 07 },
	{ "early-32", 0177 },    { "early-32-nopie", 0177 },
};

static void install(void)
{
	mkdir("/srv", 0755);
	mkdir(FOLDER, 0755);
	mkdir("/etc/mseald", 0755);
	mkdir(ETC, 0755);
	if (system("cp early* started libearly*.so " FOLDER " && cp early /srv/early-other"))
		bail("the programs cannot be copied");
}

static void write_policy(const char *text)
{
	FILE *file = fopen(ETC "/start.conf", "we");

	if (!file || fputs(text, file) == EOF || fclose(file))
		bail("no policy");
}

static pid_t start(const char *program, const char *order)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, order, NULL);
		_exit(127);
	}
	if (pid < 0)
		bail("fork: %s", strerror(errno));
	return pid;
}

static int end(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			bail("waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + status;
}

static int run(const char *name, const char *order)
{
	char path[256];

	snprintf(path, sizeof(path), FOLDER "%s", name);
	return end(start(path, order));
}

/* So many starts, some at a time; how many did not end with status 0, as early that was not sealed. */
static unsigned storm(const char *program, const char *order, unsigned times)
{
	unsigned bad = 0;

	for (unsigned done = 0; done < times; done += AT_ONCE) {
		pid_t pids[AT_ONCE];

		for (unsigned i = 0; i < AT_ONCE; i++)
			pids[i] = start(program, order);
		for (unsigned i = 0; i < AT_ONCE; i++) {
			int status = end(pids[i]);

			if (status && !bad++)
				diag("one ended with status 0%o", status);
		}
	}
	return bad;
}

/* Until that file is there. */
static unsigned storm_until(const char *path)
{
	unsigned bad = 0;

	while (access(path, F_OK) < 0)
		bad += storm(FOLDER "early", NULL, AT_ONCE);
	return bad;
}

static void each_form(void)
{
	for (size_t i = 0; i < COUNT(forms); i++) {
		int status = run(forms[i].name, NULL);

		ok(status == 0, "%s: its constructor opens nothing (0%o)", forms[i].name, status);
		status = run(forms[i].name, "fork");
		ok(status == 0, "%s: nor does a child (0%o)", forms[i].name, status);
	}
	ok(end(start("/srv/early-other", NULL)) == 0177, "a program that no policy matches opens all of it");
}

/* What of a program is sealed when its policy names one segment. */
static void each_segment(void)
{
	static const struct {
		const char *segments;
		int left;
	} cases[] = {
		{ "text", 0166 },	{ "rodata", 0155 }, { "relro", 033 },
		{ "text rodata", 0144 }, { "data", 0177 },
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

/* Programs that the kernel sealed; and objects of theirs, sealed and left to the daemon. */
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

static void without_daemon(void)
{
	unsigned times = brief(1000, 60), bad;

	daemon_pause(true);
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
		bad += end(storming) != 0;
		(void)unlink(FOLDER "over");
	}
	ok(bad == 0, "while one daemon takes over from another: each was sealed");
}

/* Each attempt is on one segment, though some are one seal. */
static void segments_of_attempts(void)
{
	static const char *const names[] = { "text", "rodata", "relro" };
	unsigned seen[COUNT(names)] = {}, others = 0;
	struct monitor monitor;
	json_t *event;
	pid_t pid;

	monitor_open(&monitor, 0);
	pid = start(FOLDER "early", NULL);
	(void)end(pid);
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
	(void)end(pid);
}

int main(void)
{
	install();
	for (size_t i = 0; i < COUNT(forms); i++) {
		int status = run(forms[i].name, NULL);

		ok(status == forms[i].unsealed, "%s: unsealed, its constructor opens all of it (0%o)",
		   forms[i].name, status);
	}
	write_policy("[Match]\nExe=" FOLDER "\n[Seal]\nSegments=all\n");
	daemon_start();
	each_form();
	many();
	without_daemon();
	segments_of_attempts();
	staying();
	each_segment();
	ok(status_becomes("sets", 0, 30), "no seal sets are left");
	ok(daemon_stop(SIGTERM) == 0, "and it ends well");
	(void)unlink(ETC "/start.conf");
	return tap_end();
}
