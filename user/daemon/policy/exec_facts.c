// SPDX-License-Identifier: LGPL-2.1-or-later
/* See exec_facts.h. */
#include "policy/exec_facts.h"

#include <bpf/bpf.h>
#include <sys/stat.h>

#include "base/cgroup.h"
#include "bpf/task_iter.h"
#include "lib/elf/object.h"
#include "process/procfs.h"
#include "process/reader.h"

/* A job: is the program marked? Replies with the struct stat of its file. -ESRCH: it has ended. */
static int is_marked(const void *argument, const int *fds, struct reader_reply *reply)
{
	_cleanup_close_ int fd = openat(fds[0], "exe", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat *st = reader_reply_room(reply, sizeof(*st));
	struct elf_object object;
	int r;

	(void)argument;
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = fstat(fd, st) < 0 ? -errno : elf_object_read(fd, &object);
	return r == -ENOEXEC ? 0 : r < 0 ? r : object.memory_seal;
}

/* The same, in the daemon. */
static int read_marked(struct programs *programs, pid_t pid, int proc_fd, struct stat *ret)
{
	_cleanup_free_ struct mseald_task *tasks = NULL;
	struct reader_reply reply;
	size_t count;
	int r = task_iter_read(programs, pid, &tasks, &count);

	if (r >= 0)
		r = reader_run(tasks[0].account, pid, is_marked, NULL, 0, &proc_fd, 1, &reply);
	if (r >= 0)
		*ret = *(const struct stat *)reply.data;
	return r;
}

/*
 * The kernel then knows it at the next start of the file. Its program may run another file by now. The time
 * is as in the inode, where since 6.13 the nanoseconds hold a flag, too (include/linux/fs.h,
 * I_CTIME_QUERIED).
 */
static void note_marked(struct programs *programs, const struct mseald_file *file, const struct stat *st,
			uint32_t marked)
{
	if (file->inode == st->st_ino && file->changed_sec == (uint64_t)st->st_ctim.tv_sec &&
	    (file->changed_nsec & 0x3fffffff) == (uint64_t)st->st_ctim.tv_nsec)
		(void)bpf_map_update_elem(programs_map_fd(programs, "marks"), file, &marked, BPF_ANY);
}

int exec_facts_read(struct programs *programs, pid_t pid, const struct mseald_watched *watched,
		    bool want_marked, struct exec_facts *ret)
{
	_cleanup_(exec_facts_free) struct exec_facts facts = {};
	_cleanup_close_ int proc_fd = procfs_open(pid);
	char user[PROCFS_VALUE_MAX];

	if (proc_fd < 0)
		return -ESRCH;
	facts.exe = watched && watched->exe[0] == '/' ? strndup(watched->exe, sizeof(watched->exe)) :
							procfs_exe(proc_fd);
	facts.cgroup = watched ? cgroup_path(watched->cgroup) : NULL;
	if (!facts.cgroup)
		facts.cgroup = cgroup_read(proc_fd);
	if (watched)
		facts.policy.user = watched->user;
	else if (procfs_read_status(proc_fd, "status", "Uid", user) < 0 ||
		 sscanf(user, "%*u %u", &facts.policy.user) != 1)
		return -ESRCH;
	if (want_marked) {
		struct stat st;
		int marked = read_marked(programs, pid, proc_fd, &st);

		if (marked == -ESRCH || marked == -ENOMEM)
			return marked;
		if (marked == -EMFILE || marked == -ENFILE || marked == -ETIMEDOUT)
			return -ENOMEM;
		facts.policy.marked = marked > 0;
		if (marked >= 0 && watched && watched->file.inode &&
		    !(watched->flags & MSEALD_WATCHED_FORKED))
			note_marked(programs, &watched->file, &st, (uint32_t)marked);
	}
	facts.policy.exe = facts.exe;
	facts.policy.cgroup = facts.cgroup;
	*ret = facts;
	facts = (struct exec_facts){};
	return 0;
}

void exec_facts_free(struct exec_facts *facts)
{
	free(facts->exe);
	free(facts->cgroup);
	*facts = (struct exec_facts){};
}
