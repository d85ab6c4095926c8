/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * started [--fork]: the program that policies seal in t_policy.sh. Built dynamic, static, static-pie, without
 * RELRO, not PIE. Reads orders from stdin, one per line, and answers each with a line:
 *
 *   attack CALL SEGMENT [FILE]   mprotect, munmap, mmap, madvise on the last page of text, rodata, relro or
 *                                data of the first file with FILE in its path (default: its own): the
 *                                error's name, or ok
 *   open NAME, close             dlopen, dlclose
 *   fork                         the pid of a child that sleeps
 *   exec PATH, vfork PATH        becomes that program, or starts it as a child
 *   exit STATUS
 *
 *   --fork                       exits at once, and a child does all of the above
 *   --as UID PATH                becomes that program as that user
 *   --sleep, --short             sleeps, or ends
 *   --storm N MATCHED OTHER      starts N programs as fast as it can: every 25th is MATCHED and stays, the
 *                                others are alternately MATCHED and OTHER and end soon. When these have
 *                                ended, prints the pids of those that stay
 */
#define _GNU_SOURCE
#ifndef STATIC
#include <dlfcn.h>
#endif
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Large enough for real RELRO, and constants. */
static const char *const volatile names[1024] = { "one", "two" };
static const char constants[8192] = { 1, 2, 3 };

struct segment {
	uintptr_t start, end;
};

static int find(const char *kind, const char *file, struct segment *ret)
{
	char line[512], permissions[8], path[256];
	uintptr_t start, end;
	FILE *maps = fopen("/proc/self/maps", "r");
	int found = 0, code = 0;

	while (maps && fgets(line, sizeof(line), maps)) {
		path[0] = '\0';
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &start, &end, permissions, path) < 3 ||
		    !strstr(path, file))
			continue;
		int text = permissions[2] == 'x', write = permissions[1] == 'w';

		if ((!strcmp(kind, "text") && text) ||
		    (!strcmp(kind, "rodata") && !text && !write && code == 1 && !found) ||
		    (!strcmp(kind, "relro") && !text && !write && code == 1) ||
		    (!strcmp(kind, "data") && write)) {
			*ret = (struct segment){ start, end };
			found = 1;
		}
		code |= text;
	}
	if (maps)
		fclose(maps);
	return found;
}

static const char *attack(const char *call, const char *kind, const char *file)
{
	struct segment segment;
	size_t size = (size_t)getpagesize();
	void *page;
	long r;

	if (!find(kind, file, &segment))
		return "no such segment";
	page = (void *)(segment.end - size);
	r = !strcmp(call, "mprotect") ?
		    mprotect(page, size, PROT_READ | PROT_WRITE | (strcmp(kind, "text") ? 0 : PROT_EXEC)) :
	    !strcmp(call, "munmap")  ? munmap(page, size) :
	    !strcmp(call, "madvise") ? madvise(page, size, MADV_DONTNEED) :
	    mmap(page, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 :
													0;
	return r ? strerrorname_np(errno) : "ok";
}

#ifndef STATIC
static void *handle;
#endif

static void obey(char *order)
{
	char *word[4] = { NULL };
	int words = 0, status;
	pid_t pid;

	for (char *at = strtok(order, " \n"); at && words < 4; at = strtok(NULL, " \n"))
		word[words++] = at;
	if (!words)
		return;
	if (!strcmp(word[0], "attack") && words >= 3) {
		puts(attack(word[1], word[2], word[3] ? word[3] : program_invocation_short_name));
#ifndef STATIC
	} else if (!strcmp(word[0], "open") && words == 2) {
		handle = dlopen(word[1], RTLD_NOW);
		puts(handle ? "ok" : dlerror());
	} else if (!strcmp(word[0], "close")) {
		puts(handle && dlclose(handle) == 0 ? "ok" : "failed");
#endif
	} else if (!strcmp(word[0], "fork")) {
		pid = fork();
		if (pid == 0)
			for (;;)
				pause();
		printf("%d\n", pid);
	} else if (!strcmp(word[0], "exec") && words == 2) {
		execl(word[1], word[1], NULL);
		puts(strerrorname_np(errno));
	} else if (!strcmp(word[0], "vfork") && words == 2) {
		pid = vfork();
		if (pid == 0) {
			execl(word[1], word[1], "--sleep", NULL);
			_exit(127);
		}
		printf("%d\n", pid);
	} else if (!strcmp(word[0], "exit")) {
		status = words > 1 ? atoi(word[1]) : 0;
		printf("%d\n", status);
		exit(status);
	} else {
		puts("what?");
	}
}

static pid_t __attribute__((noinline)) beget(const char *path, const char *option)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execl(path, path, option, NULL);
		_exit(127);
	}
	return pid;
}

static void __attribute__((noreturn)) storm(unsigned count, const char *matched, const char *other)
{
	pid_t stay[1000];
	unsigned staying = 0;

	for (unsigned i = 0; i < count; i++) {
		int stays = i % 25 == 0 && staying < 1000;
		pid_t pid = beget(stays || i % 2 ? matched : other, stays ? "--sleep" : "--short");

		if (stays)
			stay[staying++] = pid;
		while (i % 8 == 7 && waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	for (unsigned i = 0; i < staying; i++)
		printf("%d%c", stay[i], i + 1 < staying ? ' ' : '\n');
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	char line[512];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "--fork") && fork() != 0)
		_exit(0);
	if (argc > 1 && !strcmp(argv[1], "--sleep"))
		for (;;)
			pause();
	if (argc > 1 && !strcmp(argv[1], "--short"))
		return names[0] && constants[0] ? 0 : 1;
	if (argc > 4 && !strcmp(argv[1], "--storm"))
		storm((unsigned)atoi(argv[2]), argv[3], argv[4]);
	if (argc > 3 && !strcmp(argv[1], "--as")) {
		if (setresgid((gid_t)atoi(argv[2]), (gid_t)atoi(argv[2]), (gid_t)atoi(argv[2])) ||
		    setresuid((uid_t)atoi(argv[2]), (uid_t)atoi(argv[2]), (uid_t)atoi(argv[2])))
			return 1;
		execl(argv[3], argv[3], NULL);
		return 127;
	}
	printf("%d\n", getpid());
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
