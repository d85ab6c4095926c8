// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See native.h. The tracer is a process of its own, made for one seal: should
 * the daemon die meanwhile it still finishes, and whatever it could not stop
 * is let go by its end. Which thread, and when, is chosen so that no system
 * call of it is changed: one that sleeps in a call that is simply made
 * again, or one that is in its own code.
 */
#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "calls.h"
#include "log.h"
#include "tasks.h"
#include "tracee.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define TRIES 4			/* other threads, other moments */
#define TRY_MILLISECONDS 100
#define SLEEPER_MILLISECONDS 100
#define RUNNER_MILLISECONDS 5
#define PAUSE_NS 200000
#define ANSWER_MILLISECONDS 20000
#define MAX_RANGES 2000		/* each is two stops; 6.12 may wait a tick for each (kernel/sched/core.c, wait_task_inactive) */

enum answer {
	ANSWER_SEALED,
	ANSWER_GONE,		/* or another program by now */
	ANSWER_TRACED,
	ANSWER_NOT_ALLOWED,	/* to trace it, or to suspend its seccomp filters */
	ANSWER_OTHER_CODE,	/* 32-bit, or it dispatches its system calls itself */
	ANSWER_NO_MOMENT,	/* no thread could be stopped unnoticed */
	ANSWER_NO_CALL,		/* no instruction of a system call anywhere */
	ANSWER_REFUSED,		/* by mseal(2) itself: no longer mapped */
	ANSWER_FAILED,
	ANSWER_TOO_MANY,
	ANSWER_LATE,		/* it may still come to it, but nobody waits any longer */
	ANSWER_COUNT,
};

static const char *const reasons[ANSWER_COUNT] = {
	[ANSWER_GONE] = "has exited or become another program",
	[ANSWER_TRACED] = "is traced by another program",
	[ANSWER_NOT_ALLOWED] = "may not be traced",
	[ANSWER_OTHER_CODE] = "runs 32-bit code or dispatches its system calls itself",
	[ANSWER_NO_MOMENT] = "was in no call that it could have been stopped in unnoticed",
	[ANSWER_NO_CALL] = "has no system call instruction",
	[ANSWER_REFUSED] = "changed its mappings meanwhile",
	[ANSWER_FAILED] = "could not be made to call mseal(2)",
	[ANSWER_TOO_MANY] = "has too many separate ranges to call mseal(2) for each",
	[ANSWER_LATE] = "took too long to call mseal(2)",
};

bool native_here(void)
{
	return syscall(SYS_mseal, 0ul, 0ul, 0ul) == 0;
}

/* --- what a thread is doing --- */

enum doing { DOING_OTHER, DOING_SLEEP, DOING_RUN };

static int read_thread_file(const struct target *target, pid_t tid, const char *name, char *text, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[48];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "task/%d/%s", (int)tid, name);
	fd = openat(target->proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

/* The state letter of proc_pid_stat(5); '\0': gone. */
static char thread_state(const struct target *target, pid_t tid)
{
	char text[256];
	const char *name_end;

	if (read_thread_file(target, tid, "stat", text, sizeof(text)) < 0)
		return '\0';
	name_end = strrchr(text, ')');
	return name_end && name_end[1] == ' ' ? name_end[2] : '\0';
}

static enum doing look_at(const struct target *target, pid_t tid, struct blocked_call *ret_call)
{
	char text[256], again[256];
	char state = thread_state(target, tid);

	*ret_call = (struct blocked_call){ .number = -1 };
	if (state == 'R')
		return DOING_RUN;
	if (state == 'T')
		return DOING_SLEEP;	/* job control holds it in get_signal() already */
	if (state != 'S' || read_thread_file(target, tid, "syscall", text, sizeof(text)) < 0 ||
	    calls_parse(text, ret_call) <= 0 || !calls_restartable(ret_call))
		return DOING_OTHER;
	/* Settled there, not only passing through. */
	if (read_thread_file(target, tid, "syscall", again, sizeof(again)) < 0 || strcmp(text, again) != 0 ||
	    thread_state(target, tid) != 'S')
		return DOING_OTHER;
	return DOING_SLEEP;
}

/* A line of /proc/PID/task/TID/status as a number; 0 when it is not there. */
static unsigned long status_number(const struct target *target, pid_t tid, const char *name)
{
	char text[4096], *at;

	if (read_thread_file(target, tid, "status", text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, name);
	return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

/* The try-th best thread: sleepers first, then runners. 0: none can be stopped now. */
static pid_t choose_thread(const struct target *target, const struct mseald_task *tasks, size_t count, unsigned try)
{
	pid_t runner = 0, sleeper = 0;
	unsigned sleepers = 0;

	for (size_t i = 0; i < count && sleepers <= try; i++) {
		struct blocked_call call;
		pid_t tid = (pid_t)tasks[i].pid;
		enum doing doing = tasks[i].key == target->key ? look_at(target, tid, &call) : DOING_OTHER;

		if (doing == DOING_SLEEP && sleepers++ <= try)
			sleeper = tid;
		else if (doing == DOING_RUN && !runner)
			runner = tid;
	}
	return sleeper && (sleepers > try || !runner) ? sleeper : runner;
}

/* --- in the tracer --- */

/* Where in its memory a system call can be made: the vdso always has one, else any code. 0: nowhere. */
static uint64_t find_instruction(const struct target *target)
{
	static unsigned char code[1 << 16];
	_cleanup_(procmaps_free) struct procmaps maps = {};

	if (procmaps_read_fd(target->maps_fd, &maps) < 0)
		return 0;
	for (size_t i = maps.count; i-- > 0;) {
		const struct mapping *mapping = &maps.list[i];
		uint64_t at = mapping->start;

		for (; mapping->exec && at < mapping->end && at - mapping->start < (4u << 20); at += sizeof(code)) {
			struct iovec local = { code, MIN_OF(sizeof(code), mapping->end - at) };
			struct iovec remote = { (void *)(uintptr_t)at, local.iov_len };
			const unsigned char *found;

			if (process_vm_readv(target->pid, &local, 1, &remote, 1, 0) != (ssize_t)local.iov_len)
				break;
			found = memmem(code, local.iov_len, registers_instruction, sizeof(registers_instruction));
			if (found)
				return at + (uint64_t)(found - code);
		}
	}
	return 0;
}

static uint64_t milliseconds_now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* Stops the thread at a moment that it does not notice. *ret_call: what it slept in. */
static enum answer stop_unnoticed(struct tracee *tracee, const struct target *target, struct blocked_call *ret_call)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t deadline = milliseconds_now() + TRY_MILLISECONDS;

	do {
		int r;

		switch (look_at(target, tracee->tid, ret_call)) {
		case DOING_SLEEP:
			r = tracee_stop_sleeping(tracee, SLEEPER_MILLISECONDS);
			break;
		case DOING_RUN:
			r = tracee_stop_running(tracee, RUNNER_MILLISECONDS);
			break;
		default:
			r = tracee_pass_on(tracee);
			(void)nanosleep(&pause, NULL);
			break;
		}
		if (r == 1 || r == -ESRCH)
			return r == 1 ? ANSWER_SEALED : ANSWER_GONE;
	} while (milliseconds_now() < deadline);
	return ANSWER_NO_MOMENT;
}

/* Is the thread, now that it stands still, in the address space that is meant? */
static bool is_in_target(struct programs *programs, const struct target *target, pid_t tid)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	size_t count;

	if (tasks_read(programs, target->pid, &tasks, &count) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (tasks[i].pid == (uint32_t)tid)
			return tasks[i].key == target->key;
	return false;
}

/*
 * Tracer and thread take turns, thousands of times where there are as many
 * ranges: on one processor that is a switch, between two it is a wake-up.
 */
static void join_processor(const struct target *target, pid_t tid)
{
	char text[512], *at;
	cpu_set_t set;
	int field = 2, processor;

	if (read_thread_file(target, tid, "stat", text, sizeof(text)) < 0)
		return;
	/* proc_pid_stat(5): the processor is field 39, the name ends field 2. */
	for (at = strrchr(text, ')'); at && field < 39; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%d", &processor) != 1 || processor < 0 || processor >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static enum answer call_all(struct tracee *tracee, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t arguments[3] = { ranges[i].start, ranges[i].end - ranges[i].start, 0 };
		long result;

		if (tracee_call(tracee, SYS_mseal, arguments, &result) < 0)
			return ANSWER_GONE;
		if (result < 0)
			return ANSWER_REFUSED;
	}
	return ANSWER_SEALED;
}

static enum answer seal_by(struct programs *programs, const struct target *target, pid_t tid,
			   const struct range *ranges, size_t count)
{
	uint64_t instruction = find_instruction(target);
	struct blocked_call call;
	struct tracee tracee;
	enum answer answer;
	int r;

	if (!instruction)
		return ANSWER_NO_CALL;
	r = tracee_seize(&tracee, tid, status_number(target, tid, "\nSeccomp:"));
	if (r < 0)
		return r == -ESRCH ? ANSWER_GONE :
		       status_number(target, tid, "\nTracerPid:") ? ANSWER_TRACED : ANSWER_NOT_ALLOWED;
	answer = stop_unnoticed(&tracee, target, &call);
	if (answer != ANSWER_SEALED)
		return answer;
	if (!is_in_target(programs, target, tid))
		return ANSWER_GONE;
	r = tracee_prepare(&tracee, &call, instruction);
	if (r < 0)
		return r == -EOPNOTSUPP ? ANSWER_OTHER_CODE : r == -ESRCH ? ANSWER_GONE : ANSWER_FAILED;
	join_processor(target, tid);
	answer = call_all(&tracee, ranges, count);
	r = tracee_release(&tracee);
	return answer == ANSWER_SEALED && r < 0 && r != -ESRCH ? ANSWER_FAILED : answer;
}

/*
 * Where foreign writes are denied, nobody may trace - but this process, while
 * it lives: lsm/ptrace_access_check knows it by its id and when it began.
 */
static void ask_leave(struct programs *programs)
{
	volatile struct mseald_state *state = programs_state(programs);
	_cleanup_free_ struct mseald_task *tasks = NULL;
	size_t count;

	if (tasks_read(programs, getpid(), &tasks, &count) < 0)
		return;
	state->injector_start = tasks[0].start_time;
	state->injector_tgid = tasks[0].tgid;
}

static enum answer try_once(struct programs *programs, const struct target *target, const struct range *ranges,
			    size_t count, unsigned try)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t deadline = milliseconds_now() + TRY_MILLISECONDS;

	do {
		_cleanup_free_ struct mseald_task *tasks = NULL;
		size_t tasks_count;
		pid_t tid;

		if (tasks_read(programs, target->pid, &tasks, &tasks_count) < 0)
			return ANSWER_GONE;
		tid = choose_thread(target, tasks, tasks_count, try);
		if (tid)
			return seal_by(programs, target, tid, ranges, count);
		(void)nanosleep(&pause, NULL);
	} while (milliseconds_now() < deadline);
	return ANSWER_NO_MOMENT;
}

/* --- in the daemon --- */

/* What the tracer answered; it is nobody's child, so nobody has to wait for its end. */
static enum answer read_answer(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	unsigned char answer;

	if (poll(&wait, 1, ANSWER_MILLISECONDS) <= 0)
		return ANSWER_LATE;
	if (read(fd, &answer, sizeof(answer)) != sizeof(answer) || answer >= ANSWER_COUNT)
		return ANSWER_FAILED;
	return answer;
}

static enum answer by_tracer(struct programs *programs, const struct target *target, const struct range *ranges,
			     size_t count, unsigned try)
{
	int pipe_fds[2];
	enum answer answer;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return ANSWER_FAILED;
	pid = fork();
	if (pid == 0) {
		unsigned char byte;

		if (fork() != 0)
			_exit(0);
		ask_leave(programs);
		byte = (unsigned char)try_once(programs, target, ranges, count, try);
		programs_state(programs)->injector_tgid = 0;
		_exit(write(pipe_fds[1], &byte, sizeof(byte)) != sizeof(byte));
	}
	(void)close(pipe_fds[1]);
	answer = pid < 0 ? ANSWER_FAILED : read_answer(pipe_fds[0]);
	(void)close(pipe_fds[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return answer;
}

int native_seal(struct programs *programs, const struct target *target, const struct range *ranges, size_t count,
		const char **ret_why)
{
	enum answer answer = count > MAX_RANGES ? ANSWER_TOO_MANY : ANSWER_NO_MOMENT;

	for (unsigned try = 0; try < TRIES && answer != ANSWER_TOO_MANY; try++) {
		answer = by_tracer(programs, target, ranges, count, try);
		if (answer != ANSWER_NO_MOMENT && answer != ANSWER_OTHER_CODE && answer != ANSWER_FAILED)
			break;
	}
	if (answer == ANSWER_SEALED)
		return 1;
	log_debug("pid %d %s: not sealed by mseal(2)", (int)target->pid, reasons[answer]);
	*ret_why = reasons[answer];
	return 0;
}
