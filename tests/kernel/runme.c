/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Run by t_run.c: a program that does one action, first in main, and reports the result. Linked in several
 * ways (tests.mk).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PAGE
#define PAGE 4096
#endif

extern int main(int argc, char **argv);

static const char rodata[3 * PAGE] __attribute__((aligned(PAGE))) = "constant";
/* Relocated, so that it is in RELRO, if the program has any. */
static const void *const relro[3 * PAGE / 8]
	__attribute__((aligned(PAGE), section(".data.rel.ro"))) = { main, relro, rodata };
static char data[3 * PAGE] __attribute__((aligned(PAGE))) = "data";
static char early[256];

static __attribute__((aligned(PAGE))) void code(void)
{
	__asm__ volatile(".fill %c0, 1, 0x90" : : "i"(3 * PAGE));
}

static int protect(const void *at, int protection)
{
	return mprotect((char *)(uintptr_t)at + PAGE, PAGE, protection) ? errno : 0;
}

/* Reports the errno of changing text, rodata, relro, data; 0: success. */
static void attack(char text[256])
{
	uintptr_t middle = ((uintptr_t)code + PAGE) & ~(uintptr_t)(PAGE - 1);

	snprintf(text, 256, "text %d rodata %d relro %d data %d",
		 mprotect((void *)middle, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) ? errno : 0,
		 protect(rodata, PROT_READ | PROT_WRITE), protect(relro, PROT_READ | PROT_WRITE | PROT_EXEC),
		 protect(data, PROT_READ));
}

/* Runs before main, but after the entry point. */
static __attribute__((constructor)) void before_main(void)
{
	if (getenv("RUNME_EARLY"))
		attack(early);
}

static void print_file(const char *path, const char *const *lines)
{
	char line[512];
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file))
		for (size_t i = 0; lines[i]; i++)
			if (!strncmp(line, lines[i], strlen(lines[i])))
				fputs(line, stdout);
	if (file)
		fclose(file);
}

/* Prints everything that its parent gave it. */
static void show_self(int argc, char **argv)
{
	static const char *const lines[] = { "SigBlk",	  "SigIgn",	"SigCgt",   "SigPnd", "ShdPnd",
					     "TracerPid", "NoNewPrivs", "Seccomp:", "Uid",    "Gid",
					     "Groups",	  "Umask",	"CapPrm",   "CapEff", NULL };
	char path[256];

	for (int i = 0; i < argc; i++)
		printf("argument %s\n", argv[i]);
	for (char **variable = environ; *variable; variable++)
		printf("environment %s\n", *variable);
	printf("cwd %s\n", getcwd(path, sizeof(path)));
	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("descriptor %d flags %d %#x\n", fd, fcntl(fd, F_GETFD), fcntl(fd, F_GETFL));
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;

		if (!getrlimit((__rlimit_resource_t)i, &limit))
			printf("limit %d %lu %lu\n", i, (unsigned long)limit.rlim_cur,
			       (unsigned long)limit.rlim_max);
	}
	/* t_run sets it to 100 s before the exec, which may take long. */
	printf("priority %d alarm %s\n", getpriority(PRIO_PROCESS, 0), alarm(0) > 10 ? "set" : "not set");
	printf("group %d session %d terminal %d\n", getpgrp() == getpid(), getsid(0) == getpid(),
	       tcgetpgrp(0) == getpgrp());
	print_file("/proc/self/status", lines);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char text[256], byte;

	if (!strcmp(what, "attack")) {
		attack(text);
		puts(*early ? early : text);
	} else if (!strcmp(what, "unmap")) {
		printf("unmap %d\n", munmap((char *)(uintptr_t)rodata + PAGE, PAGE) ? errno : 0);
	} else if (!strcmp(what, "wait")) {
		printf("ready %d\n", getpid());
		fflush(stdout);
		while (read(0, &byte, 1) > 0 && byte != 'x')
			if (write(1, &byte, 1) != 1)
				return 3;
		return 5;
	} else if (!strcmp(what, "exit")) {
		return atoi(argv[2]);
	} else if (!strcmp(what, "signal")) {
		signal(atoi(argv[2]), SIG_DFL);
		raise(atoi(argv[2]));
	} else if (!strcmp(what, "self")) {
		show_self(argc, argv);
	} else if (!strcmp(what, "euid")) {
		printf("uid %d euid %d\n", getuid(), geteuid());
	} else if (!strcmp(what, "again")) {
		/* A new image is not held. */
		execl("/proc/self/exe", argv[0], "attack", (char *)NULL);
	} else {
		code();
		return 99;
	}
	return 0;
}
