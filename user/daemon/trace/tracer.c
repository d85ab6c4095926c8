// SPDX-License-Identifier: LGPL-2.1-or-later
/* See tracer.h. */
#include "trace/tracer.h"

#include <signal.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "base/text.h"
#include "bpf/task_iter.h"
#include "process/procfs.h"
#include "process/reader.h"

#define STEP_US 2000
#define STEPS 25 /* an attach takes microseconds; only an exec holds its mutex for longer */

void tracer_allow(struct programs *programs)
{
	volatile struct mseald_state *state = programs_state(programs);
	_cleanup_free_ struct mseald_task *tasks = NULL;
	size_t count;

	(void)signal(SIGCHLD, SIG_IGN);
	if (task_iter_read(programs, getpid(), &tasks, &count) < 0) {
		log_warning("cannot read the start of mseald: foreign-write seals are made without "
			    "mseal(2), ignoring");
		return;
	}
	state->injector_tgid = 0;
	state->injector_start = tasks[0].start_time;
	state->injector_tgid = tasks[0].tgid;
}

pid_t tracer_fork(void)
{
	pid_t pid = fork();
	sigset_t all;

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	/* With SIG_DFL, stops are reported to wait(2). */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)prctl(PR_SET_NAME, "mseald-tracer");
	reader_is_here();
	return 0;
}

/* Is the process a tracer of this daemon? */
static bool is_ours(pid_t pid)
{
	return (pid_t)procfs_status_number(pid, "PPid", 10, 0) == getpid();
}

/* --- tracers of others --- */

/* The tracer's name, for the message: root is asked to end it, and wants to know which program it is. */
static const char *comm_of(pid_t pid, char comm[MSEALD_COMM_LEN + 1])
{
	char path[32];

	FORMAT(path, "/proc/%d/comm", pid);
	if (file_read(AT_FDCWD, path, comm, MSEALD_COMM_LEN + 1) < 0)
		return "?";
	comm[strcspn(comm, "\n")] = '\0';
	text_make_printable(comm);
	return comm;
}

/* 0: no tracer; otherwise the task that is traced, or about to be. */
static const struct mseald_task *find_traced(const struct mseald_task *tasks, size_t count, uint64_t key)
{
	const struct mseald_task *coming = NULL;

	for (size_t i = 0; i < count; i++) {
		if (tasks[i].key != key || !tasks[i].tracer)
			continue;
		if (tasks[i].tracer == MSEALD_TRACER_COMING)
			coming = &tasks[i];
		else if (!is_ours((pid_t)tasks[i].tracer))
			return &tasks[i];
	}
	return coming;
}

int tracer_check_foreign(struct programs *programs, uint64_t key, pid_t pid, struct error *error)
{
	for (int step = 0; step < STEPS; step++) {
		_cleanup_free_ struct mseald_task *tasks = NULL;
		const struct mseald_task *traced;
		char comm[MSEALD_COMM_LEN + 1];
		size_t count;
		int r;

		if (step)
			(void)usleep(STEP_US);
		/* Read all tasks: another process may share the memory. */
		r = task_iter_read(programs, 0, &tasks, &count);
		if (r < 0)
			return r;
		traced = find_traced(tasks, count, key);
		if (!traced)
			return 0;
		if (traced->tracer == MSEALD_TRACER_COMING)
			continue;
		return error_set(
			error, "Traced", pid,
			"pid %d is traced by pid %u (%s); nothing is sealed: end it, or omit foreign-write",
			(int)traced->pid, traced->tracer, comm_of((pid_t)traced->tracer, comm));
	}
	return -EAGAIN;
}
