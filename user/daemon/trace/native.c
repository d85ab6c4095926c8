// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See native.h. The tracer is a separate process, made for one seal. If the daemon dies meanwhile it still
 * finishes, and its own end releases any thread that it could not stop. Thread and moment are chosen so that
 * no system call changes: the thread sleeps in a call that can be restarted, or is in its own code.
 */
#include "trace/native.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/log.h"
#include "bpf/task_iter.h"
#include "lib/base/clock.h"
#include "process/overdue.h"
#include "process/procfs.h"
#include "trace/remote_syscall.h"
#include "trace/thread_pick.h"
#include "trace/tracer.h"

#define TRIES 20	   /* with other threads, at other moments */
#define TRIES_IN_VAIN 3	   /* without any thread in a state in which it could be stopped */
#define TRIES_OF_THREADS 5 /* the best thread, the second best, ... and the best again */
#define TRY_US 100000
#define RUNNER_MILLISECONDS 5
#define PAUSE_NS 200000
#define EXIT_TRIES 5000
/* The daemon waits for an answer, so for a while it does not stop other processes of a user who gave none. */
#define LATE_PAUSE_US (60u * 1000 * 1000)

/* --- in the tracer --- */

/* Stops a thread that seemed to sleep in that call; guarded, so that it is not stopped in the next call. */
static int stop_sleeper(struct tracee *tracee, const struct target *target, const struct blocked_call *call)
{
	if (tracee_guard(tracee, call) < 0)
		return 0;
	return thread_still_in(target, tracee->tid, call) ? tracee_stop_sleeping(tracee) :
							    tracee_unguard(tracee);
}

/* Stops the thread at a moment that it does not notice. *ret_call: the call in which it slept. */
static enum remote_answer stop_unnoticed(struct tracee *tracee, const struct target *target,
					 struct blocked_call *ret_call)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t deadline = monotonic_us() + TRY_US;
	int r;

	do {
		enum doing doing = thread_look_at(target, tracee->tid, ret_call);

		r = doing == DOING_SLEEP && ret_call->number >= 0 ? stop_sleeper(tracee, target, ret_call) :
		    doing == DOING_RUN ? tracee_stop_running(tracee, RUNNER_MILLISECONDS) :
					 0;
		if (r <= 0 && r != -ESRCH)
			r = tracee_poll(tracee);
		if (r == 0 && doing != DOING_RUN)
			(void)nanosleep(&pause, NULL);
	} while (r == 0 && (tracee->stopping || monotonic_us() < deadline));
	return r == 1 ? ANSWER_SEALED : r < 0 ? ANSWER_GONE : ANSWER_NO_MOMENT;
}

/* Is the stopped thread in the right address space? */
static bool is_in_target(struct programs *programs, const struct target *target, pid_t tid)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	size_t count;

	if (task_iter_read(programs, target->pid, &tasks, &count) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (tasks[i].pid == (uint32_t)tid)
			return tasks[i].key == target->key;
	return false;
}

/* Tracer and thread alternate thousands of times: on one processor that is a switch, on two a wake-up. */
static void join_processor(const struct target *target, pid_t tid)
{
	const char *field;
	char text[512];
	cpu_set_t set;
	int processor;

	if (thread_read_file(target, tid, "stat", text, sizeof(text)) < 0)
		return;
	field = procfs_stat_field(text, 39);
	if (!field || sscanf(field, "%d", &processor) != 1 || processor < 0 || processor >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* Does the thread make its calls past all filters? Else a filter could answer in the kernel's place. */
static bool is_unfiltered(pid_t tid)
{
	return tracee_may_suspend_filters() || procfs_status_number(tid, "Seccomp", 10, 1) == 0;
}

static enum remote_answer seal_by(struct programs *programs, const struct target *target, pid_t tid,
				  const struct native_ranges *ranges)
{
	struct blocked_call call;
	struct tracee tracee;
	enum remote_answer answer;
	int r;

	if (!is_unfiltered(tid))
		return ANSWER_NOT_ALLOWED;
	r = tracee_seize(&tracee, tid, 0);
	if (r < 0)
		return r == -ESRCH		  ? ANSWER_GONE :
		       thread_tracer(target, tid) ? ANSWER_TRACED :
						    ANSWER_NOT_ALLOWED;
	answer = stop_unnoticed(&tracee, target, &call);
	if (answer != ANSWER_SEALED)
		return answer;
	join_processor(target, tid);
	answer = remote_syscall_prepare(&tracee, &call, ranges->maps);
	if (answer == ANSWER_SEALED && !is_in_target(programs, target, tid))
		answer = ANSWER_GONE;
	if (answer == ANSWER_SEALED && ranges->still && !ranges->still(ranges->context))
		answer = ANSWER_REFUSED;
	if (answer == ANSWER_SEALED)
		answer = remote_syscall_mseal(&tracee, ranges->list, ranges->count);
	/* Another thread may have installed one for all threads in the meantime; none is ever removed. */
	if (answer == ANSWER_SEALED && !is_unfiltered(tid))
		answer = ANSWER_NOT_ALLOWED;
	r = tracee_release(&tracee);
	return answer == ANSWER_SEALED && r < 0 && r != -ESRCH ? ANSWER_FAILED : answer;
}

static enum remote_answer try_once(struct programs *programs, const struct target *target,
				   const struct native_ranges *ranges, unsigned try)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t deadline = monotonic_us() + TRY_US;
	bool traced = false;

	do {
		_cleanup_free_ struct mseald_task *tasks = NULL;
		size_t tasks_count;
		pid_t tid;

		if (task_iter_read(programs, target->pid, &tasks, &tasks_count) < 0)
			return ANSWER_GONE;
		tid = thread_pick(target, tasks, tasks_count, try, &traced);
		if (tid)
			return seal_by(programs, target, tid, ranges);
		(void)nanosleep(&pause, NULL);
	} while (monotonic_us() < deadline);
	return traced ? ANSWER_TRACED : ANSWER_NO_THREAD;
}

struct one_try {
	struct programs *programs;
	const struct target *target;
	const struct native_ranges *ranges;
	unsigned number;
	pid_t tid;
	enum remote_answer answer;
};

static void *run_try(void *context)
{
	struct one_try *try = context;

	try->tid = gettid();
	try->answer = try_once(try->programs, try->target, try->ranges, try->number);
	return NULL;
}

/*
 * In a thread of its own, whose exit releases what it traces at once. A process frees its memory before that,
 * and as long as a thread is traced, signals that it ignores interrupt its call (docs/design/native.md,
 * "Limits").
 */
static enum remote_answer try_in_thread(struct one_try *try)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_try, try) != 0)
		return ANSWER_FAILED;
	(void)pthread_join(thread, NULL);
	/* That returns before the kernel has released what the thread traces (kernel/exit.c, do_exit). */
	for (int i = 0; i < EXIT_TRIES && syscall(SYS_tgkill, getpid(), try->tid, 0) == 0; i++)
		(void)nanosleep(&pause, NULL);
	return try->answer;
}

/* --- in the daemon --- */

/* Reads the tracer's answer. */
static enum remote_answer read_answer(int fd)
{
	int n = remote_syscall_await(fd);
	unsigned char answer;

	if (n == 0)
		return ANSWER_LATE;
	if (n < 0 || read(fd, &answer, sizeof(answer)) != sizeof(answer) || answer >= ANSWER_COUNT)
		return ANSWER_FAILED;
	return answer;
}

/* ANSWER_LATE: *ret_late is to be read when the tracer has ended. */
static enum remote_answer by_tracer(struct programs *programs, const struct target *target,
				    const struct native_ranges *ranges, unsigned try, int *ret_late)
{
	int pipe_fds[2];
	enum remote_answer answer;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return ANSWER_FAILED;
	pid = tracer_fork();
	if (pid == 0) {
		struct one_try one = { programs, target, ranges, try, 0, ANSWER_FAILED };
		unsigned char byte = (unsigned char)try_in_thread(&one);

		_exit(write(pipe_fds[1], &byte, sizeof(byte)) != sizeof(byte));
	}
	(void)close(pipe_fds[1]);
	answer = pid < 0 ? ANSWER_FAILED : read_answer(pipe_fds[0]);
	if (answer == ANSWER_LATE)
		*ret_late = pipe_fds[0];
	else
		(void)close(pipe_fds[0]);
	/* Threads are released by exit. SIGCHLD is ignored: this waits, and finds no child. */
	if (answer != ANSWER_LATE && pid > 0)
		(void)waitpid(pid, NULL, 0);
	return answer;
}

/* May another thread or moment give another answer? (Perhaps only this thread has ended.) */
static bool worth_another(enum remote_answer answer)
{
	return answer == ANSWER_GONE || answer == ANSWER_NO_THREAD || answer == ANSWER_OTHER_CODE ||
	       answer == ANSWER_FAILED;
}

static struct overdue overdue = { .pause_us = LATE_PAUSE_US };

int native_seal(struct programs *programs, const struct target *target, const struct native_ranges *ranges,
		const char **ret_why)
{
	enum remote_answer answer = ranges->count > REMOTE_SYSCALL_MAX_RANGES	       ? ANSWER_TOO_MANY :
				    proc_maps_is_32bit(ranges->maps)		       ? ANSWER_OTHER_CODE :
				    overdue_is(&overdue, target->account, target->pid) ? ANSWER_LATE :
											 ANSWER_NO_MOMENT;
	bool possible = answer == ANSWER_NO_MOMENT;
	unsigned in_vain = 0;
	int late = -1;

	for (unsigned try = 0; possible && try < TRIES && in_vain < TRIES_IN_VAIN; try++) {
		answer = by_tracer(programs, target, ranges, try % TRIES_OF_THREADS, &late);
		if (answer == ANSWER_NO_MOMENT)
			continue;
		if (!worth_another(answer))
			break;
		in_vain++;
	}
	if (answer == ANSWER_SEALED) {
		log_debug("pid %d was stopped with ptrace(2) to call mseal(2): %zu ranges", target->pid,
			  ranges->count);
		return 1;
	}
	if (answer == ANSWER_LATE && possible)
		overdue_note(&overdue, target->account, target->pid, late);
	if (answer == ANSWER_REFUSED && ranges->still)
		return -EAGAIN;
	log_debug("pid %d %s: not sealed by mseal(2)", target->pid, remote_answer_phrase(answer));
	*ret_why = remote_answer_phrase(answer);
	return 0;
}
