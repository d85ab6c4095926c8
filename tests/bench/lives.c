// SPDX-License-Identifier: GPL-2.0-only
/*
 * lives MS COUNT PID: runs COUNT ordinary programs that live for MS milliseconds, started evenly over the two
 * seconds between looks of the daemon (TICK_US), which cost more if a program lives then. It prints how many
 * instructions each took: its own, those of starting it, and those of the daemon PID until ten seconds after
 * the last one has ended, without those that the daemon takes in this time anyway. Under `-icount shift=0` a
 * nanosecond is an instruction.
 */
#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORDINARY "/usr/local/bin/ordinary"
#define TICK_SECONDS 2

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "lives: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t spent_by(int who)
{
	struct rusage usage;

	must(getrusage(who, &usage) == 0, "getrusage");
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* All of its threads have ended or are in /proc/PID/task; the daemon has one. */
static uint64_t spent_by_daemon(const char *pid)
{
	char path[64];
	uint64_t ns;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%s/schedstat", pid);
	file = fopen(path, "re");
	must(file && fscanf(file, "%" SCNu64, &ns) == 1, path);
	(void)fclose(file);
	return ns;
}

static uint64_t spent(const char *daemon)
{
	return spent_by(RUSAGE_SELF) + spent_by(RUSAGE_CHILDREN) + spent_by_daemon(daemon);
}

int main(int argc, char *argv[])
{
	char *const environment[] = { NULL };
	char *program[] = { (char[]){ "ordinary" }, NULL, NULL };
	unsigned long count = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t before, idle;

	if (!count)
		return 2;
	program[1] = argv[1];
	before = spent(argv[3]);
	(void)usleep((useconds_t)atoi(argv[1]) * 1000);
	sleep(TICK_SECONDS + 10);
	idle = spent(argv[3]) - before;
	before += idle;
	for (unsigned long i = 0; i < count; i++) {
		pid_t pid;

		errno = posix_spawn(&pid, ORDINARY, NULL, NULL, program, environment);
		must(errno == 0, ORDINARY);
		(void)usleep((useconds_t)(TICK_SECONDS * 1000000 / count));
	}
	for (unsigned long i = 0; i < count; i++) {
		int status;

		must(wait(&status) > 0 && status == 0, "a program has failed");
	}
	sleep(10);
	printf("%" PRIu64 "\n", (spent(argv[3]) - before - idle) / count);
	return 0;
}
