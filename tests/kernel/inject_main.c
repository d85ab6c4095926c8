/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inject PID CALL [ARGUMENT]...: makes process PID make a system call and prints the result: "ok 0x0", the
 * name of the error, or "killed SIGKILL". CALL is a name from the list below or a number. An argument is a
 * number in C syntax, or a range as in /proc/PID/maps (7f00-7f10), which stands for two: address and length.
 * Exit status 0: the call was made.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "inject.h"

static const struct {
	const char *name;
	long number;
} calls[] = {
	{ "brk", SYS_brk },	      { "getpid", SYS_getpid },
	{ "madvise", SYS_madvise },   { "mmap", SYS_mmap },
	{ "mprotect", SYS_mprotect }, { "mremap", SYS_mremap },
	{ "munmap", SYS_munmap },     { "pkey_mprotect", SYS_pkey_mprotect },
};

static int usage(void)
{
	fputs("usage: inject PID CALL [ARGUMENT|START-END]...\n", stderr);
	return 2;
}

static long call_number(const char *name)
{
	char *end;
	long number;

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (!strcmp(calls[i].name, name))
			return calls[i].number;
	number = strtol(name, &end, 0);
	return *name && !*end ? number : -1;
}

int main(int argc, char **argv)
{
	long arguments[7] = { 0 }, number;
	struct injection injection;
	int count = 0, r;
	pid_t pid;
	char *end;

	if (argc < 3)
		return usage();
	pid = (pid_t)strtol(argv[1], &end, 10);
	number = call_number(argv[2]);
	if (*end || pid <= 0 || number < 0)
		return usage();
	for (int i = 3; i < argc; i++) {
		char *dash = strchr(argv[i] + 1, '-');

		if (count >= 6)
			return usage();
		if (dash) {
			arguments[count++] = (long)strtoul(argv[i], &end, 16);
			arguments[count] = (long)strtoul(dash + 1, &end, 16) - arguments[count - 1];
			count++;
		} else {
			arguments[count++] = (long)strtoull(argv[i], &end, 0);
		}
		if (*end)
			return usage();
	}
	r = inject_call(pid, number, arguments, &injection);
	if (r < 0) {
		fprintf(stderr, "inject: pid %d: %s\n", pid, strerror(-r));
		return 1;
	}
	if (injection.killed && WIFSIGNALED(injection.status))
		printf("killed SIG%s\n", sigabbrev_np(WTERMSIG(injection.status)));
	else if (injection.killed)
		printf("exited %d\n", WEXITSTATUS(injection.status));
	else if (injection.result < 0 && injection.result > -4096)
		printf("%s\n", strerrorname_np((int)-injection.result));
	else
		printf("ok %#lx\n", injection.result);
	return 0;
}
