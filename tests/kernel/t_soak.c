/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A soak: very many requests of all kinds, right and wrong, and programs that start and are sealed by a
 * policy, in random order. At the end the daemon's maps, descriptors and memory are as before. $MSEALD_SOAK:
 * number of turns, of 20 requests on average (default 600; `make soak` has 50,000). $MSEALD_SEED: the same
 * order again.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "pins.h"
#include "tap.h"

#define MAPS PINS "/maps"
#define PROGRAM "/srv/soak/true"
#define CROWD 12
#define PAGES 64
#define BURST 200
/*
 * Limit of the daemon's own memory in kB. 3.8 MB are allocated from its start (its tables of seal sets and of
 * the report), and become resident on first use: below that, resident memory does not indicate growth.
 */
#define MEMORY_MOST 6144

/* --- values that must be as before --- */

struct usage {
	long memory; /* kB of its own; excluding pages of programs and libraries that it has read */
	int files;
	unsigned entries[64]; /* of each map */
	char names[64][32];
	size_t maps;
};

static int count_files(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static struct usage measure_usage(void)
{
	struct usage usage = { .memory = daemon_process_number("RssAnon:") };
	DIR *dir = opendir(MAPS);
	struct dirent *entry;
	char path[300];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon_pid());
	usage.files = count_files(path);
	while (dir && (entry = readdir(dir)) && usage.maps < 64) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), MAPS "/%s", entry->d_name);
		snprintf(usage.names[usage.maps], 32, "%.31s", entry->d_name);
		usage.entries[usage.maps++] = count_entries(path);
	}
	if (dir)
		closedir(dir);
	return usage;
}

/* --- requests --- */

struct one {
	struct puppet *puppet;
	uint64_t start;
	unsigned seals;
};

static struct one crowd[CROWD];
static unsigned long asked, refused, started, wrong;

static void renew(struct one *one)
{
	(void)puppet_end(one->puppet);
	one->puppet = puppet_new();
	one->start = puppet_pages(one->puppet, PAGES, PROT_READ);
	one->seals = 0;
}

static void expect(const char *error, const char *wanted, const char *what)
{
	asked++;
	refused += !!error;
	if ((error == NULL) == (wanted == NULL))
		return;
	if (!wrong++)
		diag("%s: %s %s, wanted %s", what, error ?: "done", error ? daemon_error_message() : "",
		     wanted ?: "it done");
}

static void seal_some(struct one *one, bool revocable)
{
	const struct range range = { one->start + (uint64_t)(random() % (PAGES / 2)) * 2 * PAGE, 0 };
	struct range whole = { range.start, range.start + PAGE };

	expect(daemon_seal(&(struct seal_order){ .pid = one->puppet->pid,
						 .ranges = &whole,
						 .count = 1,
						 .revocable = revocable },
			   NULL),
	       NULL, "Seal");
	one->seals++;
	if (revocable)
		expect(daemon_unseal(one->puppet->pid, NULL, 0), NULL, "Unseal");
	else
		wrong += puppet_call(one->puppet, SYS_mprotect, whole.start, PAGE, PROT_READ | PROT_WRITE) !=
			 -EPERM;
}

static void seal_wrongly(struct one *one)
{
	static const struct {
		int pid;
		const char *segments, *deny, *action;
	} orders[] = { { -1, "text", NULL, NULL },	  { 0, "text", NULL, NULL },
		       { 999999999, "text", NULL, NULL }, { 1, "txet", NULL, NULL },
		       { 1, "text", "everything", NULL }, { 1, "text", NULL, "forgive" } };
	size_t i = (size_t)random() % (sizeof(orders) / sizeof(*orders) + 1);
	struct range range = { one->start + 1, one->start + PAGE };

	if (i == sizeof(orders) / sizeof(*orders))
		expect(daemon_seal(
			       &(struct seal_order){ .pid = one->puppet->pid, .ranges = &range, .count = 1 },
			       NULL),
		       "an error", "Seal of half a page");
	else
		expect(daemon_seal(&(struct seal_order){ .pid = orders[i].pid,
							 .segments = orders[i].segments,
							 .deny = orders[i].deny,
							 .action = orders[i].action },
				   NULL),
		       "an error", "a wrong Seal");
}

static void talk_nonsense(void)
{
	static const char *const texts[] = {
		"", "{", "{\"method\":5}", "garbage", "{\"method\":\"io.mseald.Status\"", "[]"
	};
	const char *text = texts[(size_t)random() % (sizeof(texts) / sizeof(*texts))];
	struct connection connection;

	if (!connection_open(&connection))
		return;
	(void)connection_send(&connection, text, strlen(text) + (size_t)(random() % 2));
	connection_close(&connection);
	asked++;
}

/* Many at once on one connection, without waiting for the answers. */
static void ask_a_lot(void)
{
	static const char *const texts[] = {
		"{\"method\":\"io.mseald.Status\"}",
		"{\"method\":\"io.mseald.List\",\"parameters\":{\"pid\":1}}",
		"{\"method\":\"io.mseald.Seal\",\"parameters\":{\"pid\":1,\"segments\":[\"txet\"]}}",
		"{\"method\":\"io.mseald.Unseal\",\"parameters\":{\"pid\":1}}",
		"{\"method\":\"org.varlink.service.GetInfo\"}",
		"{\"method\":\"io.mseald.Nothing\",\"parameters\":{}}",
		"{\"method\":\"io.mseald.Report\"}",
	};
	struct connection connection;
	json_t *reply;

	if (!connection_open(&connection)) {
		wrong++;
		return;
	}
	for (int i = 0; i < BURST; i++) {
		const char *text = texts[(size_t)random() % (sizeof(texts) / sizeof(*texts))];

		(void)connection_send(&connection, text, strlen(text) + 1);
	}
	for (int i = 0; i < BURST; i++) {
		reply = connection_receive(&connection, 60000, NULL);
		wrong += !reply;
		refused += reply && json_object_get(reply, "error");
		json_decref(reply);
		asked++;
	}
	connection_close(&connection);
}

static void watch(void)
{
	struct monitor monitor;

	monitor_open(&monitor, random() % 2 ? crowd[0].puppet->pid : 0);
	monitor_close(&monitor);
	asked++;
}

/* A program that the policy applies to: it starts, is sealed or not in its short life, and ends. */
static void start_one(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl(PROGRAM, "true", NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		wrong++;
	started++;
}

static void ask_something(void)
{
	struct one *one = &crowd[(size_t)random() % CROWD];
	long what = random() % 1000;

	if (what < 100)
		ask_a_lot();
	else if (what < 330)
		seal_some(one, false);
	else if (what < 450)
		seal_some(one, true);
	else if (what < 550)
		json_decref(daemon_list(one->puppet->pid));
	else if (what < 560)
		json_decref(daemon_list(0));
	else if (what < 640)
		json_decref(daemon_status());
	else if (what < 740)
		seal_wrongly(one);
	else if (what < 760)
		expect(daemon_call("NoSuchMethod", NULL, NULL), "an error", "an unknown method");
	else if (what < 800)
		talk_nonsense();
	else if (what < 830)
		watch();
	else if (what < 840)
		expect(daemon_call("ListMatches", NULL, NULL), NULL, "ListMatches");
	else if (what < 842)
		expect(daemon_call("ReloadPolicy", NULL, NULL), NULL, "ReloadPolicy");
	else if (what < 860)
		expect(daemon_call("Metrics", NULL, NULL), NULL, "Metrics");
	else if (what < 900)
		renew(one);
	else
		start_one();
	if (one->seals > 200)
		renew(one);
}

static void rest(void)
{
	for (int i = 0; i < CROWD; i++)
		crowd[i].puppet = puppet_end(crowd[i].puppet);
	(void)status_becomes("spaces", 0, 30);
	(void)status_becomes("sets", 0, 30);
	/* Two looks of its timer, which free memory and forget watched processes. */
	nap(5000);
	for (int tries = 0; tries < 60 && count_entries(MAPS "/spaces"); tries++) {
		if (tries % 10 == 0)
			diag("spaces: %u, entries %" PRId64, count_entries(MAPS "/spaces"),
			     status_number("spaces"));
		nap(500);
	}
}

static void soak(unsigned long times)
{
	for (int i = 0; i < CROWD; i++)
		renew(&crowd[i]);
	for (unsigned long i = 0; i < times; i++) {
		ask_something();
		if (i && i % 5000 == 0)
			diag("%lu: %ld kB", i, daemon_process_number("RssAnon:"));
	}
	rest();
}

/* The daemon's own memory, kB; it frees unneeded memory every few seconds. */
static long memory_left(long most)
{
	long memory = 0;

	for (int tries = 0; tries < 60; tries++) {
		memory = daemon_process_number("RssAnon:");
		if (memory <= most)
			break;
		nap(500);
	}
	return memory;
}

static void install(void)
{
	FILE *file;

	mkdir("/srv", 0755);
	mkdir("/srv/soak", 0755);
	mkdir("/etc/mseald", 0755);
	mkdir("/etc/mseald/policy.d", 0755);
	if (system("cp /bin/busybox " PROGRAM))
		bail("no " PROGRAM);
	file = fopen("/etc/mseald/policy.d/soak.conf", "we");
	if (!file || fprintf(file, "[Match]\nExe=" PROGRAM "\n[Seal]\nSegments=all\n") < 0 || fclose(file))
		bail("no policy");
}

int main(int argc, char **argv)
{
	unsigned long times = getenv("MSEALD_SOAK") ? strtoul(getenv("MSEALD_SOAK"), NULL, 10) : 600;
	unsigned seed = getenv("MSEALD_SEED") ? (unsigned)atoi(getenv("MSEALD_SEED")) : (unsigned)time(NULL);
	struct usage before, after;

	puppet_main(argc, argv);
	(void)gate_is_override();
	diag("seed %u", seed);
	srandom(seed);
	install();
	daemon_start();
	/* Lets buffers, pools and the like reach their final size. */
	soak(times / 2 < 1000 ? times / 2 : 1000);
	before = measure_usage();
	soak(times);
	after = measure_usage();
	after.memory = memory_left(MEMORY_MOST);
	ok(wrong == 0, "%lu requests (%lu refused) and %lu starts: each answered as it must be (%lu not)",
	   asked, refused, started, wrong);
	ok(status_number("sets") == 0, "no seal sets are left");
	ok(after.files <= before.files + 4, "no descriptors are left (%d, %d before)", after.files,
	   before.files);
	daemon_memory_ok(after.memory <= MEMORY_MOST, "no memory is left (%ld kB, %ld before)", after.memory,
			 before.memory);
	for (size_t i = 0; i < before.maps; i++)
		/* Labels are kept for the report. */
		if (strcmp(before.names[i], "labels") && strcmp(before.names[i], "report"))
			ok(after.entries[i] == before.entries[i], "the map %s is as it was (%u, %u before)",
			   before.names[i], after.entries[i], before.entries[i]);
	ok(daemon_stop(SIGTERM) == 0, "and it ends well");
	(void)unlink("/etc/mseald/policy.d/soak.conf");
	return tap_end();
}
