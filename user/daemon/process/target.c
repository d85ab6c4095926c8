// SPDX-License-Identifier: LGPL-2.1-or-later
/* See target.h. */
#include "process/target.h"

#include "bpf/task_iter.h"
#include "process/procfs.h"

#define TRIES 16 /* while the threads replace each other */

/* The task of the thread group leader, or another task with the memory if the leader has ended. */
static const struct mseald_task *best_task(const struct mseald_task *tasks, size_t count, pid_t pid)
{
	const struct mseald_task *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (tasks[i].tgid == (uint32_t)pid && (!best || (!best->key && tasks[i].key)))
			best = &tasks[i];
	return best;
}

static int read_task(struct programs *programs, pid_t pid, struct mseald_task *ret)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	const struct mseald_task *task;
	size_t count;
	int r;

	r = task_iter_read(programs, pid, &tasks, &count);
	if (r < 0)
		return r;
	task = best_task(tasks, count, pid);
	if (!task)
		return -ESRCH;
	*ret = *task;
	return 0;
}

/*
 * Opens the files of a thread that has the memory, and reads its task record: not of the first thread, which
 * may have ended before the others. *ret_error: error of the files. -EAGAIN: threads keep ending.
 */
static int open_of_thread(struct programs *programs, struct target *target, struct mseald_task *ret_task,
			  int *ret_error)
{
	pid_t tid = target->pid;

	for (int i = 0; i < TRIES; i++) {
		char path[48];
		int r;

		FORMAT(path, "task/%d/maps", tid);
		target->maps_fd = openat(target->proc_fd, path, O_RDONLY | O_CLOEXEC);
		*ret_error = target->maps_fd < 0 ? -errno : 0;
		FORMAT(path, "task/%d/pagemap", tid);
		target->pagemap_fd = openat(target->proc_fd, path, O_RDONLY | O_CLOEXEC);
		*ret_error = target->pagemap_fd < 0 && !*ret_error ? -errno : *ret_error;
		/* For a task without memory these may fail to open, or read as empty. */
		r = read_task(programs, target->pid, ret_task);
		if (r < 0 || !ret_task->key || (pid_t)ret_task->pid == tid)
			return r;
		tid = ret_task->pid;
		cleanup_close(&target->maps_fd);
		cleanup_close(&target->pagemap_fd);
	}
	return -EAGAIN;
}

int target_open(struct programs *programs, pid_t pid, struct target *ret, struct error *error)
{
	_cleanup_(target_close) struct target target = TARGET_EMPTY;
	struct mseald_task task;
	pid_t tgid;
	int r, files_r;

	target.pid = pid;
	target.proc_fd = procfs_open(pid);
	if (target.proc_fd < 0)
		return error_set_errno(error, pid, target.proc_fd, "cannot open /proc/PID");
	tgid = procfs_status_number(pid, "Tgid", 10, 0);
	if (tgid > 0 && tgid != pid)
		return error_about(error, "NotAProcess", pid, " is a thread; its process is %d", tgid);
	r = open_of_thread(programs, &target, &task, &files_r);
	if (r == -EAGAIN)
		return error_about(error, "Changing", pid,
				   " keeps replacing its threads; nothing is sealed, try again");
	if (r < 0)
		return error_set_errno(error, pid, r, "cannot find its address space");
	if (task.flags & TASK_KTHREAD)
		return error_about(error, "NotAProcess", pid,
				   " is a kernel thread and has no memory of its own");
	if (!task.key)
		return error_about(error, "NoSuchProcess", pid, " has exited");
	if (files_r)
		return error_set_errno(error, pid, files_r, "cannot open /proc/PID/maps");
	target.tid = task.pid;
	target.key = task.key;
	target.exec_id = task.exec_id;
	target.start_time = task.start_time;
	target.account = task.account;
	*ret = target;
	target = (struct target)TARGET_EMPTY;
	return 0;
}

void target_close(struct target *target)
{
	cleanup_close(&target->proc_fd);
	cleanup_close(&target->maps_fd);
	cleanup_close(&target->pagemap_fd);
	*target = (struct target)TARGET_EMPTY;
}

int target_unchanged(struct programs *programs, const struct target *target)
{
	struct mseald_task task;
	int r = read_task(programs, target->pid, &task);

	if (r < 0)
		return r;
	return task.key == target->key && task.exec_id == target->exec_id &&
	       task.start_time == target->start_time;
}

void target_wait_for_changes(const struct target *target, uint64_t address)
{
	uint64_t entry;

	(void)!pread(target->pagemap_fd, &entry, sizeof(entry),
		     (off_t)(address / page_size() * sizeof(entry)));
}

#define SETTLE_STEP_US 2000
#define SETTLE_STEPS 25

char target_thread_state(const struct target *target, pid_t tid)
{
	char path[48];

	FORMAT(path, "task/%d/stat", tid);
	return procfs_state(target->proc_fd, path);
}

/* Could this thread be in a call that changes mappings? */
static bool may_be_in_call(uint32_t tid)
{
	char path[32], state;

	FORMAT(path, "/proc/%u/stat", tid);
	state = procfs_state(AT_FDCWD, path);
	return state == 'R' || state == 'D';
}

void target_let_calls_end(struct programs *programs, const struct target *target)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	size_t count, waiting = 1;

	/* All tasks: other processes may share the memory. */
	if (task_iter_read(programs, 0, &tasks, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (tasks[i].key != target->key)
			tasks[i].key = 0;
	for (int step = 0; step < SETTLE_STEPS && waiting; step++) {
		if (step)
			(void)usleep(SETTLE_STEP_US);
		waiting = 0;
		for (size_t i = 0; i < count; i++) {
			if (tasks[i].key && !may_be_in_call(tasks[i].pid))
				tasks[i].key = 0; /* seen asleep: it has left the call that it was in */
			waiting += tasks[i].key != 0;
		}
	}
}
