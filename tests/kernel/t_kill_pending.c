/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A gate that kills lets the call happen: the address space has lost sealed memory, and all processes in it
 * are to be killed (kill pending). None may escape: not by fork, vfork or new processes that share the
 * memory, however fast, nor while the daemon is stopped.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"
#include "daemon.h"
#include "ring.h"
#include "tap.h"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define PATIENCE_MS 15000 /* until all are dead: several looks of the daemon, on a slow machine */
#define STACK 16384
#define STACKS 64

enum via { BY_MADVISE, BY_URING, BY_MUNMAP, BY_MREMAP };
static const char *const via_names[] = { "madvise", "io_uring", "munmap", "mremap onto it" };

/* Actions of the other processes. */
enum how { WATCH, VFORK, FORKERS, HOP };
static const char *const how_names[] = {
	"a process that shares the memory forks when it has changed",
	"the caller of vfork forks when its child is dead",
	"others fork all the time",
	"a process follows another in the same memory",
};

/* Shared by all, at the same address. */
static struct board {
	_Atomic int go, forks, refused, left;
	/* all pause: otherwise the test itself could not kill processes this fast */
	_Atomic int stop;
	_Atomic long page;	   /* once it can be sealed */
	_Atomic long seen, ran_us; /* when a sharer saw the change, and how long it continued to run */
	_Atomic int victim;
} * board;

/* --- inside: no errno here --- */

static enum via via;
static enum how how;
/*
 * In the short form the daemon need not wait for its turn behind all of them: they would only run on
 * meanwhile.
 */
static int niceness;
static volatile long *page;
static char stacks[STACKS][STACK] __attribute__((aligned(64)));

/*
 * Checks the page by futex(2), which takes no mmap_lock while the page exists. If it did, munmap would wait
 * for the lock in a way that SIGKILL ends (mm/mmap.c), and would not happen.
 */
static bool page_gone(void)
{
	return RAW(SYS_futex, page, FUTEX_WAIT_PRIVATE, (int)((long)page + 4), 0) == -EFAULT;
}

static bool page_changed(void)
{
	return via == BY_MUNMAP ? page_gone() : *page != (long)page + 3;
}

static void strike_page(void)
{
	long other;

	switch (via) {
	case BY_MADVISE: RAW(SYS_madvise, page, PAGE, MADV_DONTNEED); break;
	case BY_URING:
		ring_submit(&(struct io_uring_sqe){ .opcode = IORING_OP_MADVISE,
						    .fd = -1,
						    .addr = (uint64_t)page,
						    .len = PAGE,
						    .fadvise_advice = MADV_DONTNEED });
		break;
	case BY_MUNMAP: RAW(SYS_munmap, page, PAGE); break;
	case BY_MREMAP:
		other = RAW(SYS_mmap, 0, PAGE, READ_WRITE, ANONYMOUS, -1, 0);
		*(volatile long *)other = 666;
		RAW(SYS_mremap, other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page);
		break;
	}
}

static void rest(void) __attribute__((noreturn));
static void rest(void)
{
	for (;;)
		pause();
}

/* Forks a child with its own memory: it stays if it has the change, otherwise it ends. */
static void fork_once(void)
{
	long pid = RAW(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid < 0) {
		atomic_fetch_add(&board->refused, 1);
	} else if (pid > 0) {
		atomic_fetch_add(&board->forks, 1);
	} else {
		if (!page_changed())
			RAW(SYS_exit_group, 0);
		atomic_fetch_add(&board->left, 1);
		rest();
	}
}

static int striker(void *argument)
{
	(void)argument;
	while (!atomic_load(&board->go))
		;
	strike_page();
	/* The caller of vfork continues when its child is dead. */
	if (how == VFORK)
		RAW(SYS_exit_group, 0);
	rest();
}

static long microseconds(void)
{
	struct timespec now = {};

	RAW(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int watcher(void *argument)
{
	(void)argument;
	while (!page_changed())
		;
	atomic_store(&board->seen, microseconds());
	for (int i = 0; i < 8; i++)
		fork_once();
	/* Forks whenever possible, but no more than a machine can take. */
	while (atomic_load(&board->left) < 16 && !atomic_load(&board->stop)) {
		fork_once();
		atomic_store(&board->ran_us, microseconds() - atomic_load(&board->seen));
	}
	rest();
}

static int forker(void *argument)
{
	(void)argument;
	while (atomic_load(&board->left) < 16 && !atomic_load(&board->stop))
		fork_once();
	rest();
}

/* argument: index of its stack. Forks its successor, and ends. */
static int hopper(void *argument)
{
	long next = ((long)argument + 1) % STACKS;

	atomic_fetch_add(&board->forks, 1);
	for (;;) {
		if (atomic_load(&board->stop))
			rest();
		if (clone(hopper, stacks[next] + STACK, CLONE_VM | SIGCHLD, (void *)next) > 0)
			break;
		atomic_fetch_add(&board->refused, 1);
	}
	RAW(SYS_exit_group, 0);
	return 0;
}

static void victim(void) __attribute__((noreturn));
static void victim(void)
{
	page = (long *)(RAW(SYS_mmap, 0, 3 * PAGE, READ_WRITE, ANONYMOUS, -1, 0) + (long)PAGE);
	fill_pages((const long[6]){ (long)page - (long)PAGE, 3 * PAGE, 3 });
	RAW(SYS_mprotect, (long)page - (long)PAGE, 3 * PAGE, PROT_READ);
	if (via == BY_URING && ring_setup((const long[6]){ 0 }))
		RAW(SYS_exit_group, 77);
	RAW(SYS_setpriority, 0 /* PRIO_PROCESS */, 0, niceness);
	atomic_store(&board->victim, (int)RAW(SYS_getpid));
	atomic_store(&board->page, (long)page);
	switch (how) {
	case WATCH:
		clone(watcher, stacks[1] + STACK, CLONE_VM | SIGCHLD, NULL);
		clone(watcher, stacks[2] + STACK, CLONE_VM | SIGCHLD, NULL);
		clone(striker, stacks[0] + STACK, CLONE_VM | SIGCHLD, NULL);
		break;
	case VFORK:
		while (!atomic_load(&board->go))
			RAW(SYS_sched_yield);
		clone(striker, stacks[0] + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
		watcher(NULL);
		break;
	case FORKERS:
		clone(forker, stacks[1] + STACK, CLONE_VM | SIGCHLD, NULL);
		clone(forker, stacks[2] + STACK, CLONE_VM | SIGCHLD, NULL);
		clone(striker, stacks[0] + STACK, CLONE_VM | SIGCHLD, NULL);
		break;
	case HOP:
		/* Two chains would share stacks: one is fast enough. */
		clone(hopper, stacks[1] + STACK, CLONE_VM | SIGCHLD, (void *)1);
		while (!atomic_load(&board->go))
			RAW(SYS_sched_yield);
		strike_page();
		break;
	}
	rest();
}

/* --- outside --- */

/* Reaps all its descendants, and leads their session. */
static pid_t begin(void)
{
	pid_t keeper;

	memset(board, 0, sizeof(*board));
	fflush(NULL);
	keeper = fork();
	if (keeper < 0)
		bail("fork: %s", strerror(errno));
	if (keeper == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		setsid();
		signal(SIGCHLD, SIG_IGN);
		if (fork() == 0)
			victim();
		rest();
	}
	for (int i = 0; i < 1000 && !atomic_load(&board->page); i++)
		nap(10);
	if (!atomic_load(&board->page))
		bail("the victim did not begin (%s)", via_names[via]);
	return keeper;
}

static bool reads_as_before(pid_t pid)
{
	char path[64];
	long value = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true; /* gone meanwhile */
	if (pread(fd, &value, sizeof(value), board->page) == 0)
		value = board->page + 3; /* it is ending */
	close(fd);
	return value == board->page + 3;
}

/*
 * The number of living processes in that session, except its leader; changed: only those that have lost the
 * page. Kills them if requested.
 */
static int living(pid_t session, bool changed, bool end)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	char path[300], text[512], state;
	int count = 0, of;
	FILE *file;

	while (folder && (entry = readdir(folder))) {
		pid_t pid = atoi(entry->d_name);
		const char *rest;

		if (pid <= 0 || pid == session)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		file = fopen(path, "re");
		text[0] = '\0';
		if (!file)
			continue;
		if (!fgets(text, sizeof(text), file))
			text[0] = '\0';
		fclose(file);
		rest = strrchr(text, ')');
		if (!rest || sscanf(rest + 1, " %c %*d %*d %d", &state, &of) != 2 || of != session ||
		    state == 'Z' || state == 'X' || (changed && reads_as_before(pid)))
			continue;
		count++;
		if (end)
			kill(pid, SIGKILL);
	}
	if (folder)
		closedir(folder);
	return count;
}

static bool dies_out(pid_t session, bool changed, int milliseconds)
{
	for (; milliseconds > 0; milliseconds -= 100) {
		if (!living(session, changed, false))
			return true;
		nap(100);
	}
	return false;
}

static void end(pid_t keeper)
{
	int status, left = 1;

	atomic_store(&board->stop, 1);
	nap(50);
	for (int i = 0; i < 200 && left; i++, nap(10))
		left = living(keeper, false, true);
	if (left)
		bail("%d processes of a scene cannot be ended", left);
	kill(keeper, SIGKILL);
	waitpid(keeper, &status, 0);
}

static void escapes_unsealed(void)
{
	pid_t keeper = begin();
	int before = 0;
	bool escaped = false;

	nap(how == HOP || how == FORKERS ? 300 : 50);
	before = atomic_load(&board->forks);
	atomic_store(&board->go, 1);
	for (int i = 0; i < 50 && !escaped; i++) {
		nap(100);
		if (how == HOP)
			escaped = atomic_load(&board->forks) > before + 10 &&
				  living(keeper, false, false) > 0;
		else
			escaped = atomic_load(&board->left) > 0 && living(keeper, true, false) > 0;
	}
	ok(escaped, "%s, %s: not sealed, it gets away", via_names[via], how_names[how]);
	if (!escaped)
		diag("%d forks before, %d behind, %d refused, %d got away", before, board->forks,
		     board->refused, board->left);
	end(keeper);
}

static void escapes(bool stopped)
{
	const char *when = stopped ? ", the daemon stopped" : "";
	pid_t keeper = begin();
	bool good;
	int left;

	must_seal_revocably(board->victim, (uint64_t)board->page, PAGE);
	nap(how == HOP || how == FORKERS ? 300 : 50);
	if (stopped)
		daemon_pause(true);
	atomic_store(&board->go, 1);
	if (stopped) {
		nap(2000);
		left = atomic_load(&board->left);
		/* A child that was just being forked may still have to be killed. */
		if (how != FORKERS)
			ok(left == 0, "%s, %s%s: nobody gets away (%d)", via_names[via], how_names[how], when,
			   left);
		daemon_pause(false);
	} else {
		nap(500); /* so that it has happened */
	}
	good = dies_out(keeper, true, PATIENCE_MS);
	if (!ok(good, "%s, %s%s: nobody lives on with it", via_names[via], how_names[how], when))
		diag("%d live, %d of them with it; %d forks, %d refused, %d got away",
		     living(keeper, false, false), living(keeper, true, false), board->forks, board->refused,
		     board->left);
	if (how == WATCH && !stopped)
		diag("processes that shared the memory ran on for %ld us", atomic_load(&board->ran_us));
	good = dies_out(keeper, false, good ? PATIENCE_MS : 100);
	nap(300);
	ok(good && !living(keeper, false, false), "%s, %s%s: all processes that shared the memory are dead",
	   via_names[via], how_names[how], when);
	end(keeper);
}

/* --- every way to fork --- */

static int exit_at_once(void *argument)
{
	(void)argument;
	RAW(SYS_exit, 0);
	return 0;
}

/* flags: with a stack of its own; a thread is not waited for. */
static long fork_by_clone(const long arguments[6])
{
	int pid = clone(exit_at_once, stacks[0] + STACK, (int)arguments[0], NULL);

	if (pid > 0 && !(arguments[0] & CLONE_THREAD))
		RAW(SYS_wait4, pid, 0, __WALL, 0);
	return pid < 0 ? pid : 0;
}

/* argument: whether by int 0x80 */
static long fork_plainly(const long arguments[6])
{
	long pid = RAW_BY(arguments[0], SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		RAW(SYS_exit_group, 0);
	if (pid > 0)
		RAW(SYS_wait4, pid, 0, __WALL, 0);
	return pid < 0 ? pid : 0;
}

static long fork_by_clone3(const long arguments[6])
{
	struct clone_args order = { .exit_signal = SIGCHLD };
	long pid = RAW(SYS_clone3, &order, sizeof(order));

	(void)arguments;
	if (pid == 0)
		RAW(SYS_exit_group, 0);
	if (pid > 0)
		RAW(SYS_wait4, pid, 0, __WALL, 0);
	return pid < 0 ? pid : 0;
}

#define THREAD (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES)

static const struct {
	const char *name;
	puppet_function function;
	long argument;
} fork_ways[] = {
	{ "fork", fork_plainly, false },
	{ "fork by int 0x80", fork_plainly, true },
	{ "clone3", fork_by_clone3, 0 },
	{ "vfork", fork_by_clone, CLONE_VM | CLONE_VFORK | SIGCHLD },
	{ "clone with CLONE_VM", fork_by_clone, CLONE_VM | SIGCHLD },
	{ "clone with CLONE_FILES, memory copied", fork_by_clone, CLONE_FILES | SIGCHLD },
	{ "a new thread", fork_by_clone, THREAD },
};
#define FORK_WAYS (sizeof(fork_ways) / sizeof(*fork_ways))

static void forks_fail(void)
{
	struct puppet *one = puppet_new(), *sibling = puppet_clone(one, CLONE_VM, NULL);
	struct puppet *child, *unrelated;
	uint64_t at = puppet_pages(one, 2, PROT_READ);
	long result;

	must_seal_revocably(one->pid, at, 2 * PAGE);
	for (size_t i = 0; i < FORK_WAYS; i++) {
		result = puppet_run(one, fork_ways[i].function, fork_ways[i].argument);
		ok(result == 0, "kill pending: %s: sealed, it works (%s)", fork_ways[i].name,
		   puppet_text(one, result));
	}
	child = puppet_clone(one, 0, NULL);
	unrelated = puppet_new();
	daemon_pause(true);
	result = puppet_call(sibling, SYS_munmap, at, PAGE);
	ok(result == PUPPET_DEAD && WTERMSIG(sibling->status) == SIGKILL,
	   "kill pending: the process that unmaps dies (%s)", puppet_text(sibling, result));
	for (size_t i = 0; i < FORK_WAYS; i++) {
		result = puppet_run(one, fork_ways[i].function, fork_ways[i].argument);
		ok(result < 0 && (result != PUPPET_DEAD || WTERMSIG(one->status) == SIGKILL),
		   "kill pending: %s: then it fails (%s)", fork_ways[i].name, puppet_text(one, result));
	}
	result = puppet_run(child, fork_plainly, 0);
	ok(result == 0 && protection_of(child->pid, at)[0] == 'r',
	   "kill pending: a child of before the kill forks as it likes (%s)", puppet_text(child, result));
	result = puppet_run(unrelated, fork_plainly, 0);
	ok(result == 0, "kill pending: so does everybody else (%s)", puppet_text(unrelated, result));
	daemon_pause(false);
	ok(puppet_died(one, PATIENCE_MS), "kill pending: the processes left die when the daemon goes on");
	ok(!puppet_died(child, 1000), "kill pending: the child of before lives on");
	puppet_end(unrelated);
	puppet_end(child);
	puppet_end(sibling);
	puppet_end(one);
}

int main(int argc, char **argv)
{
	static const struct {
		enum via via;
		enum how how;
	} scenes[] = {
		{ BY_MADVISE, HOP },	{ BY_MUNMAP, HOP },	{ BY_MADVISE, VFORK },
		{ BY_URING, VFORK },	{ BY_MUNMAP, VFORK },	{ BY_MADVISE, FORKERS },
		{ BY_MUNMAP, FORKERS }, { BY_MREMAP, FORKERS }, { BY_MADVISE, WATCH },
		{ BY_URING, WATCH },	{ BY_MUNMAP, WATCH },	{ BY_MREMAP, WATCH },
	};
	/* In the short form each action and each call once; six turns cover all scenes. */
	static const enum via turns[6][4] = {
		{ [HOP] = BY_MADVISE, [VFORK] = BY_URING, [FORKERS] = BY_MUNMAP, [WATCH] = BY_MREMAP },
		{ [HOP] = BY_MUNMAP, [VFORK] = BY_URING, [FORKERS] = BY_MADVISE, [WATCH] = BY_MREMAP },
		{ [HOP] = BY_MADVISE, [VFORK] = BY_MUNMAP, [FORKERS] = BY_MREMAP, [WATCH] = BY_URING },
		{ [HOP] = BY_MUNMAP, [VFORK] = BY_MADVISE, [FORKERS] = BY_MREMAP, [WATCH] = BY_URING },
		{ [HOP] = BY_MUNMAP, [VFORK] = BY_URING, [FORKERS] = BY_MREMAP, [WATCH] = BY_MADVISE },
		{ [HOP] = BY_MADVISE, [VFORK] = BY_URING, [FORKERS] = BY_MREMAP, [WATCH] = BY_MUNMAP },
	};

	puppet_main(argc, argv);
	board = mmap(NULL, sizeof(*board), READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		bail("no memory to share");
	niceness = (int)brief(0, 15);
	/* Every kernel has a gate that kills. */
	setenv("MSEALD_OPTION", "--gate=kill", 1);
	daemon_start();
	forks_fail();
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		via = scenes[i].via;
		how = scenes[i].how;
		if (brief(0, 1) && turns[turn() % 6][how] != via)
			continue;
		escapes_unsealed();
		escapes(false);
		escapes(true);
	}
	ok(status_becomes("spaces", 0, 20), "nothing is left in the end");
	daemon_stop(SIGTERM);
	return tap_end();
}
