/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library for LD_PRELOAD. Its constructor runs before the entry point of runme (in no other program), and
 * does the action named by RUNPRE.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *sleeper(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static void *exec_it(void *unused)
{
	(void)unused;
	execl("/proc/self/exe", program_invocation_name, "attack", (char *)NULL);
	_exit(65);
}

static void count(int signal)
{
	(void)signal;
	if (write(2, "handled\n", 8) != 8)
		_exit(60);
}

static __attribute__((constructor)) void runpre(void)
{
	const char *what = getenv("RUNPRE");
	pthread_t thread;
	sigset_t set;
	char byte;
	pid_t pid;

	if (!what || strncmp(program_invocation_short_name, "runme", 5))
		return;
	if (!strcmp(what, "hang")) {
		/* Waits for a byte. */
		int fd = open(getenv("RUNPRE_FIFO"), O_RDWR | O_CLOEXEC);

		if (write(2, "hangs\n", 6) != 6 || read(fd, &byte, 1) != 1)
			_exit(61);
		close(fd);
	} else if (!strcmp(what, "exec")) {
		setenv("RUNPRE", "", 1);
		execl("/proc/self/exe", program_invocation_name, "attack", (char *)NULL);
	} else if (!strcmp(what, "thread")) {
		pthread_create(&thread, NULL, sleeper, NULL);
	} else if (!strcmp(what, "threadexec")) {
		/* Another thread than the held one makes the exec. */
		setenv("RUNPRE", "", 1);
		pthread_create(&thread, NULL, exec_it, NULL);
		for (;;)
			pause();
	} else if (!strcmp(what, "fork") || !strcmp(what, "vfork")) {
		pid = *what == 'f' ? fork() : vfork();
		if (pid == 0)
			_exit(7);
		if (waitpid(pid, &(int){ 0 }, 0) != pid)
			_exit(62);
	} else if (!strcmp(what, "block")) {
		sigfillset(&set);
		sigprocmask(SIG_BLOCK, &set, NULL);
		sigprocmask(SIG_BLOCK, NULL, &set);
		if (!sigismember(&set, SIGTRAP))
			_exit(63);
	} else if (!strcmp(what, "handler")) {
		signal(SIGTRAP, count);
		raise(SIGTRAP);
	} else if (!strcmp(what, "pending")) {
		sigemptyset(&set);
		sigaddset(&set, SIGTRAP);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGTRAP);
	} else if (!strcmp(what, "exit")) {
		_exit(64);
	}
}
