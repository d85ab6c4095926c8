/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Started by t_advice. Once it reads a byte on its standard input, it does one of these operations, in which
 * programs were seen to fail under seals. Prints a line when it waits. Exit status 0 if the operation
 * succeeded, else 1.
 *
 *   whole   a child unmaps all of its memory, like those of gVisor, CRIU and rr
 *   grows   maps a stack that grows by itself (MAP_GROWSDOWN)
 *   stack   makes its stack executable, as dlopen(3) of a library does that requires it
 *   huge    maps other memory over its text, and copies it back, as node --use-largepages
 *   moved   moves other memory onto its text (mremap)
 *   unload  unloads a library that it has loaded before it waits: its path is the next argument
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PAGE
#define PAGE 4096
#endif
#define HUGE ((size_t)2 << 20)

/* A huge page of text: functions that return. */
__asm__(".pushsection .text.huge, \"ax\"\n.balign 0x200000\n.globl huge_text\nhuge_text:\n"
	".fill 0x200000, 1, 0xc3\n.popsection");
extern void huge_text(void);

static int whole(void)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		/* There is no code to return to, unless it was denied. */
		(void)syscall(SYS_munmap, 0, 0x7fffffff0000);
		_exit(9);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static int grows(void)
{
	char *stack = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);

	if (stack == MAP_FAILED)
		return 0;
	*stack = 1;
	return munmap(stack, 4 * PAGE) == 0;
}

static int stack(void)
{
	char here;
	void *page = (void *)((uintptr_t)&here & -PAGE);

	return mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
}

static int huge(int by_mremap)
{
	void *text = (void *)(uintptr_t)huge_text;
	char *copy = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		return 0;
	memcpy(copy, text, HUGE);
	if (by_mremap) {
		if (mremap(copy, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, text) != text)
			return 0;
	} else {
		if (mmap(text, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			 0) != text)
			return 0;
		memcpy(text, copy, HUGE);
	}
	if (mprotect(text, HUGE, PROT_READ | PROT_EXEC))
		return 0;
	huge_text();
	return 1;
}

static void *library, *function;

static int unload(void)
{
	unsigned char present;

	if (dlclose(library))
		return 0;
	return mincore((void *)((uintptr_t)function & -PAGE), PAGE, &present) != 0 && errno == ENOMEM;
}

static int act(const char *what)
{
	return strcmp(what, "whole") == 0 ? whole() :
	       strcmp(what, "grows") == 0 ? grows() :
	       strcmp(what, "stack") == 0 ? stack() :
	       strcmp(what, "huge") == 0  ? huge(0) :
	       strcmp(what, "moved") == 0 ? huge(1) :
					    unload();
}

int main(int argc, char **argv)
{
	char byte;

	if (argc > 2) {
		library = dlopen(argv[2], RTLD_NOW);
		function = library ? dlsym(library, "plugin") : NULL;
		if (!function)
			return 2;
	}
	if (argc < 2 || write(1, "\n", 1) != 1 || read(0, &byte, 1) != 1)
		return 2;
	return act(argv[1]) ? 0 : 1;
}
