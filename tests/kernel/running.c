/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See running.h. */
#define _GNU_SOURCE
#include "running.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "puppet.h"
#include "tap.h"
#include "victims.h"

#define PATIENCE_MS 60000

void sanitizer_options(const char *more)
{
	char options[512];

	if (!daemon_under())
		return;
	snprintf(options, sizeof(options), "%s:%s", getenv("ASAN_OPTIONS") ?: "", more);
	setenv("ASAN_OPTIONS", options, 1);
}

static void exec_it(const struct run *run, bool sealed)
{
	const char *argv[32];
	size_t n = 0;

	if (run->preload) {
		setenv("LD_PRELOAD", "/tests/librunpre.so", 1);
		setenv("RUNPRE", run->preload, 1);
		setenv("RUNPRE_FIFO", FIFO, 1);
	}
	/*
	 * Other preloaded libraries come before its library. And its signal handlers turn ignored signals
	 * into default ones after exec.
	 */
	sanitizer_options("verify_asan_link_order=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0");
	if (sealed) {
		argv[n++] = "msealctl";
		argv[n++] = "run";
		for (size_t i = 0; run->options[i]; i++)
			argv[n++] = run->options[i];
		argv[n++] = "--";
	}
	for (size_t i = 0; run->argv[i]; i++)
		argv[n++] = run->argv[i];
	argv[n] = NULL;
	if (run->set_up)
		run->set_up();
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(98);
}

struct running run_start(const struct run *run, bool sealed)
{
	struct running running;
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		bail("pipe");
	fflush(NULL);
	running = (struct running){ .pid = fork(), .in = in[1], .out = out[0], .err = err[0] };
	if (running.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		exec_it(run, sealed);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	if (run->input) {
		if (write(running.in, run->input, strlen(run->input)) < 0)
			diag("its stdin: %s", strerror(errno));
		close(running.in);
		running.in = -1;
	}
	return running;
}

static void read_all(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;

	fcntl(fd, F_SETFL, O_NONBLOCK); /* a child left behind may have it open */
	while (length + 1 < size && (got = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	while (length > 0 && text[length - 1] == '\n')
		length--;
	text[length] = '\0';
	close(fd);
}

struct ran run_end(struct running *running)
{
	struct ran ran = { 0 };
	long end = milliseconds() + PATIENCE_MS;

	for (;;) {
		pid_t got = waitpid(running->pid, &ran.status, WUNTRACED | WCONTINUED | WNOHANG);

		if (got == running->pid && (WIFEXITED(ran.status) || WIFSIGNALED(ran.status)))
			break;
		if (got == running->pid)
			ran.stops++;
		else if (got < 0 || milliseconds() > end)
			bail("pid %d does not end: %s", running->pid,
			     got < 0 ? strerror(errno) : "it takes too long");
		else
			nap(2);
	}
	if (running->in >= 0)
		close(running->in);
	read_all(running->out, ran.out, sizeof(ran.out));
	read_all(running->err, ran.err, sizeof(ran.err));
	return ran;
}

struct ran run_whole(const struct run *run, bool sealed)
{
	struct running running = run_start(run, sealed);

	return run_end(&running);
}

void read_line(int fd, char *line, size_t size)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	size_t length = 0;

	while (length + 1 < size && (length == 0 || line[length - 1] != '\n')) {
		if (poll(&wait, 1, PATIENCE_MS) <= 0)
			bail("nothing comes from the program");
		if (read(fd, line + length, 1) != 1)
			break;
		length++;
	}
	line[length] = '\0';
}

pid_t tracer_of(pid_t pid)
{
	char path[32], line[128];
	int tracer = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (file)
		fclose(file);
	return tracer;
}

bool traced_within(pid_t pid, bool traced, int seconds)
{
	for (int i = 0; i < seconds * 100; i++, nap(10))
		if ((tracer_of(pid) != 0) == traced)
			return true;
	return false;
}

bool gone_within(pid_t pid, int seconds)
{
	for (int i = 0; i < seconds * 100; i++, nap(10))
		if (kill(pid, 0) < 0)
			return true;
	return false;
}

void hang_on(void)
{
	int fd = open(FIFO, O_RDWR | O_CLOEXEC);

	if (fd < 0 || write(fd, "x", 1) != 1)
		bail("the fifo: %s", strerror(errno));
	nap(200);
	close(fd);
}
