// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the instructions that msealctl and mseald together need to list very many sealed processes, and
 * prints them as one JSON object. Like bench.c, it must run under `-icount shift=0`, with one processor that
 * has no other work. usage: crowd N (N forks of this process, with one sealed page)
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "count.h"

#define PAGE 4096
#define ANSWER "/tmp/crowd.out"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t run(char *const argv[])
{
	posix_spawn_file_actions_t actions;
	uint64_t begin = instructions();
	char *environment[] = { NULL };
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, ANSWER, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	errno = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environment);
	must(errno == 0 && waitpid(pid, &status, 0) == pid, argv[0]);
	errno = ECHILD;
	must(status == 0, argv[0]);
	posix_spawn_file_actions_destroy(&actions);
	return instructions() - begin;
}

/* The number of lines of the answer that contain this. */
static long count_lines(const char *text)
{
	FILE *file = fopen(ANSWER, "r");
	char line[1024];
	long count = 0;

	must(file, ANSWER);
	while (fgets(line, sizeof(line), file))
		count += strstr(line, text) != NULL;
	fclose(file);
	return count;
}

static void seal_a_page(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char range[40], pid[24], *argv[] = { (char[]){ "msealctl" }, (char[]){ "seal" }, pid, range, NULL };

	must(page != MAP_FAILED, "mmap");
	snprintf(range, sizeof(range), "%p+0x1000", page);
	snprintf(pid, sizeof(pid), "%d", getpid());
	(void)run(argv);
	must(mprotect(page, PAGE, PROT_READ) == -1 && errno == EPERM, "the seal does not hold");
}

static void beget(long count)
{
	for (long i = 0; i < count; i++) {
		pid_t pid = fork();

		must(pid >= 0, "fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
}

int main(int argc, char *argv[])
{
	static const struct {
		const char *name, *option, *each;
	} ways[] = { { "list", NULL, " crowd " },
		     { "list --json", "--json", "\"comm\": \"crowd\"" },
		     { "list --summary", "--summary", " crowd " } };
	long count = argc == 2 ? atol(argv[1]) : 0;
	const char *comma = "{";

	errno = EINVAL;
	must(count > 0, "how many?");
	seal_a_page();
	beget(count);
	sleep(5); /* mseald looks for new processes now and then */
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		char *list[] = { (char[]){ "msealctl" }, (char[]){ "list" }, (char *)ways[i].option, NULL };
		uint64_t instructions = run(list);

		errno = ENODATA;
		must(count_lines(ways[i].each) == count + 1, ways[i].name);
		printf("%s\"%s\": %llu", comma, ways[i].name, (unsigned long long)instructions);
		comma = ", ";
	}
	puts("}");
	signal(SIGCHLD, SIG_IGN);
	return 0;
}
