// SPDX-License-Identifier: LGPL-2.1-or-later
/* See foreign.h. */
#include "foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "procfs.h"
#include "tasks.h"
#include "tracer.h"

#define STEP_US 2000
#define STEPS 25	/* an attach takes microseconds; what holds its mutex for longer is an exec */

/* What the process calls itself, for the message: root is asked to end it, and wants to know what it is. */
static const char *comm_of(pid_t pid, char comm[MSEALD_COMM_LEN + 1])
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (procfs_read(AT_FDCWD, path, comm, MSEALD_COMM_LEN + 1) < 0)
		return "?";
	comm[strcspn(comm, "\n")] = '\0';
	return comm;
}

/* 0: nobody; else the task that is traced or about to be. */
static const struct mseald_task *find_traced(const struct mseald_task *tasks, size_t count, uint64_t key)
{
	const struct mseald_task *coming = NULL;

	for (size_t i = 0; i < count; i++) {
		if (tasks[i].key != key || !tasks[i].tracer)
			continue;
		if (tasks[i].tracer == MSEALD_TRACER_COMING)
			coming = &tasks[i];
		else if (!tracer_is_ours((pid_t)tasks[i].tracer))
			return &tasks[i];
	}
	return coming;
}

int foreign_check_tracers(struct programs *programs, uint64_t key, pid_t pid, struct failure *failure)
{
	for (int step = 0; step < STEPS; step++) {
		_cleanup_free_ struct mseald_task *tasks = NULL;
		const struct mseald_task *traced;
		char comm[MSEALD_COMM_LEN + 1];
		size_t count;
		int r;

		if (step)
			(void)usleep(STEP_US);
		/* All of them: another process may share the memory. */
		r = tasks_read(programs, 0, &tasks, &count);
		if (r < 0)
			return r;
		traced = find_traced(tasks, count, key);
		if (!traced)
			return 0;
		if (traced->tracer == MSEALD_TRACER_COMING)
			continue;
		return fail(failure, "Traced", pid,
			    "pid %d is traced by pid %u (%s), which could go on writing to it; nothing is sealed: "
			    "end the tracer first, or seal without foreign-write",
			    (int)traced->pid, traced->tracer, comm_of((pid_t)traced->tracer, comm));
	}
	return -EAGAIN;
}
