// SPDX-License-Identifier: LGPL-2.1-or-later
/* See target.h. */
#include "process/target.h"

#include "bpf/task_iter.h"
#include "process/procfs.h"
#include "process/reader.h"

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

/* --- in the reader --- */

struct opening {
	struct programs *programs;
	pid_t pid, tid;
};

struct opened {
	struct mseald_task task;
	int error; /* of the files */
};

static int open_file(int proc_fd, pid_t tid, const char *name, int *error)
{
	char path[48];
	int fd;

	FORMAT(path, "task/%d/%s", tid, name);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && !*error)
		*error = -errno;
	return fd;
}

/*
 * A job: opens the files of a thread that has the memory, and reads its task record: not of the first thread,
 * which may have ended before the others. Replies with struct opened, maps and pagemap. -EAGAIN: threads keep
 * ending.
 */
static int open_of_thread(const void *argument, const int *fds, struct reader_reply *reply)
{
	const struct opening *opening = argument;
	struct opened *opened = reader_reply_room(reply, sizeof(*opened));
	pid_t tid = opening->tid;

	for (int i = 0; opened && i < TRIES; i++) {
		_cleanup_close_ int maps = -1, pagemap = -1;
		int r;

		opened->error = 0;
		maps = open_file(fds[0], tid, "maps", &opened->error);
		pagemap = open_file(fds[0], tid, "pagemap", &opened->error);
		/* For a task without memory these may fail to open, or read as empty. */
		r = read_task(opening->programs, opening->pid, &opened->task);
		if (r < 0)
			return r;
		if (opened->task.key && (pid_t)opened->task.pid != tid) {
			tid = opened->task.pid;
			continue;
		}
		if (!opened->error) {
			reply->fds[0] = TAKE_FD(maps);
			reply->fds[1] = TAKE_FD(pagemap);
		}
		return 0;
	}
	return -EAGAIN;
}

/* --- in the daemon --- */

static int refuse(struct error *error, pid_t pid, int r, const struct mseald_task *task)
{
	if (r == -EAGAIN)
		return error_about(error, "Changing", pid,
				   " keeps replacing its threads; nothing is sealed, try again");
	if (r < 0)
		return error_set_errno(error, pid, r, "cannot find its address space");
	if (task->flags & TASK_KTHREAD)
		return error_about(error, "NotAProcess", pid,
				   " is a kernel thread and has no memory of its own");
	if (!task->key)
		return error_about(error, "NoSuchProcess", pid, " has exited");
	return 0;
}

int target_open(struct programs *programs, pid_t pid, struct target *ret, struct error *error)
{
	_cleanup_(target_close) struct target target = TARGET_EMPTY;
	const struct opened *opened;
	struct reader_reply reply;
	struct mseald_task task;
	pid_t tgid;
	int r;

	target.pid = pid;
	target.proc_fd = procfs_open(pid);
	if (target.proc_fd < 0)
		return error_set_errno(error, pid, target.proc_fd, "cannot open /proc/PID");
	tgid = procfs_status_number(pid, "Tgid", 10, 0);
	if (tgid > 0 && tgid != pid)
		return error_about(error, "NotAProcess", pid, " is a thread; its process is %d", tgid);
	r = read_task(programs, pid, &task);
	r = refuse(error, pid, r, &task);
	if (r < 0)
		return r;
	r = reader_run(task.account, pid, open_of_thread, &(struct opening){ programs, pid, (pid_t)task.pid },
		       sizeof(struct opening), &target.proc_fd, 1, &reply);
	target.maps_fd = reply.fds[0];
	target.pagemap_fd = reply.fds[1];
	opened = (const struct opened *)reply.data;
	r = refuse(error, pid, r, r < 0 ? NULL : &opened->task);
	if (r >= 0 && opened->error)
		r = error_set_errno(error, pid, opened->error, "cannot open /proc/PID/maps");
	if (r < 0)
		return r;
	target.tid = opened->task.pid;
	target.key = opened->task.key;
	target.exec_id = opened->task.exec_id;
	target.start_time = opened->task.start_time;
	target.account = opened->task.account;
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
