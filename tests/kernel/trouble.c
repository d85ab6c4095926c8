/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What t_trouble.sh starts: each word does what a program was seen to do that failed under seals. It ends
 * with status 0 if that worked.
 *
 *   discard        madvise(MADV_DONTNEED) of a page of its text
 *   flags          makes its own data read-only, as V8 its flags (OS::SetDataReadOnly); aborts if it may not
 *   fork N         has N children at a time; says how many it has, waits for a line, and ends them
 *   traced         a child traces it while mseald does, as a crash handler may; for 6 seconds
 *   seize PID      attaches to a process, as a debugger does, and detaches
 *   debug PROGRAM  starts PROGRAM --sleep, and traces it from before its exec until it is killed
 *   as UID COMMAND becomes that command as that user
 *
 * The others are objects of their own, by the name that is defined:
 *
 *   LEAK           built with LeakSanitizer, which traces it as it ends
 *   PHP            maps other memory over its text and copies the text back, as opcache.huge_code_pages; like
 *                  opcache it does not look whether the mapping has failed
 *   PACKED         static; unpacks code into its text after so many milliseconds, as the stub of UPX does,
 *                  and runs it. When it may not, it ends with status 127 and says nothing, like that stub
 *   PLUGIN         a library to be loaded
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
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PAGE
#define PAGE 4096
#endif

#ifdef LEAK

int main(void)
{
	char *volatile memory = malloc(100);

	free(memory);
	return 0;
}

#elif defined PLUGIN

extern int plugin(void);
int plugin(void)
{
	return 11;
}

#elif defined PHP

#define HUGE ((size_t)2 << 20)

__asm__(".pushsection .text.huge, \"ax\"\n.balign 0x200000\n.globl huge_text\nhuge_text:\n"
	".fill 0x200000, 1, 0xc3\n.popsection");
extern void huge_text(void);

int main(void)
{
	void *text = (void *)(uintptr_t)huge_text;
	char *copy = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		return 2;
	memcpy(copy, text, HUGE);
	(void)mmap(text, HUGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		   -1, 0);
	memcpy(text, copy, HUGE);
	if (mprotect(text, HUGE, PROT_READ | PROT_EXEC))
		return 1;
	huge_text();
	return 0;
}

#elif defined PACKED

__asm__(".pushsection .text.packed, \"ax\"\n.balign 4096\n.globl packed\npacked:\n"
	".fill 4096, 1, 0xcc\n.popsection");
extern int packed(void);

int main(int argc, char **argv)
{
	static const unsigned char returns_42[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	long milliseconds = argc > 1 ? atol(argv[1]) : 0;
	struct timespec pause = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
	void *text = (void *)(uintptr_t)packed;

	(void)nanosleep(&pause, NULL);
	if (mprotect(text, PAGE, PROT_READ | PROT_WRITE))
		_exit(127);
	memcpy(text, returns_42, sizeof(returns_42));
	if (mprotect(text, PAGE, PROT_READ | PROT_EXEC))
		_exit(127);
	return packed() == 42 ? 0 : 2;
}

#else

static int complain(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

static int discard(void)
{
	void *page = (void *)((uintptr_t)&discard & -PAGE);

	return madvise(page, PAGE, MADV_DONTNEED) ? complain("madvise") : 0;
}

static char settings[PAGE] __attribute__((aligned(PAGE))) = { 1 };

static int flags(void)
{
	if (mprotect(settings, sizeof(settings), PROT_READ) == 0)
		return 0;
	(void)fprintf(stderr, "Failed to protect data memory at %p +%zu; error %d\n", (void *)settings,
		      sizeof(settings), errno);
	abort();
}

static int fork_many(int count)
{
	int made = 0, status = 0;
	pid_t pid = 0, self = getpid();

	while (made < count && (pid = fork()) > 0)
		made++;
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != self)
			_exit(1);
		for (;;)
			pause();
	}
	if (pid < 0)
		status = complain("fork");
	printf("%d children\n", made);
	(void)fflush(stdout);
	while (getchar() != '\n' && !feof(stdin))
		;
	return status;
}

static int tracer_of(pid_t pid)
{
	char path[32], text[2048] = "";
	const char *tracer;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	tracer = strstr(text, "TracerPid:\t");
	return tracer ? atoi(tracer + sizeof("TracerPid:\t") - 1) : 0;
}

static int seize(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		return complain("ptrace(PTRACE_SEIZE)");
	return ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) || waitpid(pid, NULL, __WALL) != pid ||
	       ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static int traced(void)
{
	time_t end = time(NULL) + 6;
	pid_t self = getpid(), child = fork();
	int status = 0;

	if (child == 0) {
		while (time(NULL) < end)
			if (tracer_of(self) && seize(self))
				_exit(1);
		_exit(0);
	}
	/* mseald takes a thread in its own code, and no thread in a call that cannot be restarted. */
	while (waitpid(child, &status, WNOHANG) == 0)
		for (volatile int i = 0; i < 100000; i++)
			;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

static int debug(char **command)
{
	char byte = 0;
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) || (pid = fork()) < 0)
		return complain("fork");
	if (pid == 0) {
		(void)!read(ready[0], &byte, 1);
		execl(command[0], command[0], "--sleep", NULL);
		_exit(127);
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		return complain("ptrace(PTRACE_SEIZE)");
	printf("%d\n", (int)pid);
	(void)fflush(stdout);
	(void)!write(ready[1], &byte, 1);
	for (;;) {
		int status, stopped = waitpid(pid, &status, __WALL);

		if (stopped != pid || !WIFSTOPPED(status))
			return 0;
		(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
	}
}

static int as(uid_t uid, char **command)
{
	if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		return complain("setresuid");
	execvp(command[0], command);
	return complain(command[0]);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	return strcmp(what, "discard") == 0	      ? discard() :
	       strcmp(what, "flags") == 0	      ? flags() :
	       strcmp(what, "fork") == 0 && argc > 2  ? fork_many(atoi(argv[2])) :
	       strcmp(what, "traced") == 0	      ? traced() :
	       strcmp(what, "seize") == 0 && argc > 2 ? seize(atoi(argv[2])) :
	       strcmp(what, "debug") == 0 && argc > 2 ? debug(argv + 2) :
	       strcmp(what, "as") == 0 && argc > 3    ? as((uid_t)atoi(argv[2]), argv + 3) :
							2;
}

#endif
