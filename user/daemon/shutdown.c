// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See shutdown.h. systemd-shutdown waits for all processes that it could send SIGTERM to, and so for the
 * daemon (src/shutdown/shutdown.c, 252).
 */
#include "shutdown.h"

#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "bpf/task_iter.h"
#include "process/reader.h"
#include "lib/proc/open.h"

static struct {
	sd_event *loop;
	struct programs *programs;
	bool begun;
} state;

static int look(void);

/* Is it a storage daemon of root (systemd.io/ROOT_STORAGE_DAEMONS)? systemd-shutdown does not kill those. */
static bool is_left(uint32_t tgid)
{
	_cleanup_close_ int fd = proc_open((pid_t)tgid, "cmdline", O_RDONLY);
	struct stat status;
	char first = '\0';

	return fd >= 0 && fstat(fd, &status) == 0 && status.st_uid == 0 && read(fd, &first, 1) == 1 &&
	       first == '@';
}

static bool is_other(const struct mseald_task *task)
{
	if (!task->key || task->flags & TASK_KTHREAD || task->tgid == 1 || task->tgid == (uint32_t)getpid() ||
	    reader_is((pid_t)task->tgid))
		return false;
	return !is_left(task->tgid);
}

/* Finds a process with memory, other than pid 1 and the daemon; 0: none. */
static int find_other(pid_t *ret)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	size_t count;
	int r;

	r = task_iter_read(state.programs, 0, &tasks, &count);
	if (r < 0)
		return r;
	*ret = 0;
	for (size_t i = 0; i < count && !*ret; i++)
		if (is_other(&tasks[i]))
			*ret = tasks[i].tgid;
	return 0;
}

/* sd_event_io_handler_t: a process has ended; looks for the next. */
static int on_gone(sd_event_source *source, int fd, uint32_t revents, void *context)
{
	(void)sd_event_source_disable_unref(source);
	return look();
}

/* -ESRCH: it is already gone. */
static int wait_for(pid_t pid)
{
	sd_event_source *source;
	int fd = syscall(SYS_pidfd_open, pid, 0), r;

	if (fd < 0)
		return -errno;
	r = sd_event_add_io(state.loop, &source, fd, EPOLLIN, on_gone, NULL);
	if (r < 0)
		(void)close(fd);
	else
		(void)sd_event_source_set_io_fd_own(source, true);
	return r;
}

static int look(void)
{
	pid_t other = 0;
	int r;

	do {
		r = find_other(&other);
		if (r >= 0 && !other)
			return sd_event_exit(state.loop, 0);
		if (r >= 0)
			r = wait_for(other);
	} while (r == -ESRCH);
	if (r < 0) {
		log_error("cannot wait until all processes have exited: %s; mseald runs until power-off",
			  strerror(-r));
		state.begun = false;
	}
	return 0;
}

int shutdown_begin(sd_event *loop, struct programs *programs)
{
	if (state.begun)
		return 0;
	state.loop = loop;
	state.programs = programs;
	state.begun = true;
	log_notice("the machine is shutting down: mseald exits after all other processes have exited");
	return look();
}

bool shutdown_begun(void)
{
	return state.begun;
}
