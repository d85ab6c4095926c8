/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See fuzz_victim.h. */
#define _GNU_SOURCE
#include "fuzz_victim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define PATIENCE 60000 /* milliseconds for a process to get ready */

static int done_fd = -1;

int64_t now_milliseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

void board_open(void)
{
	const char *folder = "/run/fuzz-board";
	char path[64];
	int fd, pipes[2];

	/* ramfs cannot punch holes: otherwise MADV_REMOVE by a victim would take the board away from all. */
	(void)mkdir(folder, 0700);
	if (mount("board", folder, "ramfs", 0, NULL) < 0)
		bail("mounting ramfs on %s: %s", folder, strerror(errno));
	snprintf(path, sizeof(path), "%s/board", folder);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	(void)umount2(folder, MNT_DETACH);
	if (fd < 0 || ftruncate(fd, sizeof(struct fuzz_board)) || pipe2(pipes, O_NONBLOCK) ||
	    dup2(fd, FUZZ_BOARD_FD) < 0 || dup2(pipes[1], FUZZ_DONE_FD) < 0)
		bail("the fuzzer's board: %s", strerror(errno));
	if (mmap(BOARD, sizeof(struct fuzz_board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE,
		 fd, 0) != BOARD)
		bail("the fuzzer's board cannot be mapped at %p: %s", (void *)BOARD, strerror(errno));
	close(fd);
	close(pipes[1]);
	done_fd = fcntl(pipes[0], F_DUPFD_CLOEXEC, 100);
	close(pipes[0]);
}

struct fuzz_slot *victim_slot(const struct fuzz_victim *victim)
{
	return &BOARD->slots[victim->slot];
}

void victim_expect(unsigned slot)
{
	BOARD->slots[slot].pid = 0;
	BOARD->slots[slot].count = 0;
	atomic_store(&BOARD->slots[slot].turn, FUZZ_TURN_RUNNER);
}

/* Waits until it has returned its turn or died. */
static enum fuzz_turn wait_for(struct fuzz_victim *victim, int milliseconds)
{
	struct pollfd files[] = { { .fd = done_fd, .events = POLLIN },
				  { .fd = victim->pidfd, .events = POLLIN } };
	int64_t end = now_milliseconds() + milliseconds, left = milliseconds;
	char bytes[64];

	for (;;) {
		if (atomic_load(&victim_slot(victim)->turn) == FUZZ_TURN_TEST)
			return FUZZ_DONE;
		if (left <= 0)
			return FUZZ_HUNG;
		(void)poll(files, 2, (int)left);
		if (files[1].revents) {
			victim->dead = waitpid(victim->pid, &victim->status, 0) == victim->pid;
			return FUZZ_DIED;
		}
		while (read(done_fd, bytes, sizeof(bytes)) == sizeof(bytes))
			;
		left = end - now_milliseconds();
	}
}

static void open_pidfd(struct fuzz_victim *victim)
{
	victim->pidfd = (int)syscall(SYS_pidfd_open, victim->pid, 0);
	if (victim->pidfd < 0)
		bail("pidfd_open of pid %d: %s", victim->pid, strerror(errno));
}

struct fuzz_victim victim_new(unsigned slot, bool is_32)
{
	struct fuzz_victim victim = { .slot = slot };
	char number[16];

	victim_expect(slot);
	fflush(NULL);
	victim.pid = fork();
	if (victim.pid < 0)
		bail("fork: %s", strerror(errno));
	if (victim.pid == 0) {
		snprintf(number, sizeof(number), "%u", slot);
		if (!is_32)
			fuzz_run(&BOARD->slots[slot]);
		execl("/tests/fuzz32", "fuzz32", number, NULL);
		_exit(127);
	}
	open_pidfd(&victim);
	if (wait_for(&victim, PATIENCE) != FUZZ_DONE)
		bail("a victim did not get ready, wait status %#x (is fuzz32 beside the test?)",
		     (unsigned)victim.status);
	return victim;
}

bool victim_made(unsigned slot, int milliseconds, struct fuzz_victim *ret)
{
	int64_t end = now_milliseconds() + milliseconds;
	struct pollfd file = { .fd = done_fd, .events = POLLIN };
	char bytes[64];

	while (atomic_load(&BOARD->slots[slot].turn) != FUZZ_TURN_TEST) {
		if (now_milliseconds() >= end)
			return false;
		(void)poll(&file, 1, 5);
		while (read(done_fd, bytes, sizeof(bytes)) == sizeof(bytes))
			;
	}
	*ret = (struct fuzz_victim){ .slot = slot, .pid = BOARD->slots[slot].pid };
	ret->pidfd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
	if (ret->pidfd < 0) /* already dead and reaped; no other process waits for it */
		return false;
	return true;
}

enum fuzz_turn victim_step(struct fuzz_victim *victim, int milliseconds)
{
	struct fuzz_slot *slot = victim_slot(victim);

	if (victim->dead)
		return FUZZ_DIED;
	atomic_store(&slot->at, 0);
	atomic_store(&slot->turn, FUZZ_TURN_RUNNER);
	syscall(SYS_futex, &slot->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
	return wait_for(victim, milliseconds);
}

bool victim_dies(struct fuzz_victim *victim, int milliseconds)
{
	struct pollfd file = { .fd = victim->pidfd, .events = POLLIN };

	if (!victim->dead && poll(&file, 1, milliseconds) > 0)
		victim->dead = waitpid(victim->pid, &victim->status, 0) == victim->pid;
	return victim->dead;
}

bool victim_is_killed(const struct fuzz_victim *victim)
{
	return victim->dead && WIFSIGNALED(victim->status) && WTERMSIG(victim->status) == SIGKILL;
}

void victim_end(struct fuzz_victim *victim)
{
	if (!victim->pid)
		return;
	if (!victim->dead) {
		kill(victim->pid, SIGKILL);
		waitpid(victim->pid, NULL, 0);
	}
	close(victim->pidfd);
	victim->pid = 0;
}
