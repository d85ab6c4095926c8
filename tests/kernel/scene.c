/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by victims and test; see victims.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "victims.h"

struct scene scene;

void scene_open(void)
{
	static struct shared *shared;

	if (!shared)
		shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	scene = (struct scene){ .shared = shared,
				.file = memfd_create("victim", 0),
				.sem = semget(IPC_PRIVATE, 1, 0600),
				.msg = msgget(IPC_PRIVATE, 0600) };
	if (shared == MAP_FAILED || pipe(scene.pipe) || socketpair(AF_UNIX, SOCK_STREAM, 0, scene.stream) ||
	    scene.file < 0 || scene.sem < 0 || scene.msg < 0)
		bail("setting the scene: %s", strerror(errno));
	memset(shared, 0, sizeof(*shared));
}

void scene_close(void)
{
	for (int i = 0; i < 2; i++) {
		close(scene.pipe[i]);
		close(scene.stream[i]);
	}
	close(scene.file);
	semctl(scene.sem, 0, IPC_RMID);
	msgctl(scene.msg, IPC_RMID, NULL);
}

void wake_pipe(void)
{
	if (write(scene.pipe[1], "hello", 5) != 5)
		bail("writing to the pipe: %s", strerror(errno));
}

void wake_signal(void)
{
	kill(scene.victim->pid, SIGUSR1);
}

void count_signal(int signal)
{
	(void)signal;
	atomic_fetch_add(&scene.shared->handled, 1);
}

void handle(int signal)
{
	sigaction(signal, &(struct sigaction){ .sa_handler = count_signal }, NULL);
}

long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char state_of(pid_t pid, long *ret_call)
{
	char path[64], text[512], *end;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	*ret_call = -1;
	file = fopen(path, "re");
	if (file && fscanf(file, "%ld", ret_call) != 1)
		*ret_call = -1;
	if (file)
		fclose(file);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return '\0';
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	end = strrchr(text, ')');
	return end ? end[2] : '\0';
}
