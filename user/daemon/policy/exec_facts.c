// SPDX-License-Identifier: LGPL-2.1-or-later
/* See exec_facts.h. */
#include "policy/exec_facts.h"

#include <bpf/bpf.h>

#include "base/cgroup.h"
#include "lib/elf/object.h"
#include "process/procfs.h"

static bool read_marked(int proc_fd)
{
	_cleanup_close_ int fd = openat(proc_fd, "exe", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct elf_object object;

	return fd >= 0 && elf_object_read(fd, &object) >= 0 && object.memory_seal;
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
		uint32_t marked = facts.policy.marked = read_marked(proc_fd);

		/* The kernel then knows it at the next start of the same file. */
		if (watched && watched->file.inode && !(watched->flags & MSEALD_WATCHED_FORKED))
			(void)bpf_map_update_elem(programs_map_fd(programs, "marks"), &watched->file, &marked,
						  BPF_ANY);
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
