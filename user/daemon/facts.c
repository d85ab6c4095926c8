// SPDX-License-Identifier: LGPL-2.1-or-later
/* See facts.h. */
#include "facts.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "lib/elf/object.h"
#include "lib/base/util.h"

/* A link of /proc/PID as a string; malloc'ed. */
static char *read_link(int dirfd, const char *name)
{
	char path[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, path, sizeof(path) - 1);

	if (n < 0)
		return NULL;
	path[n] = '\0';
	return strdup(path);
}

/* Below its own root. */
char *facts_exe(int proc_fd)
{
	_cleanup_free_ char *exe = read_link(proc_fd, "exe"), *root = read_link(proc_fd, "root");
	static const char deleted[] = " (deleted)";
	size_t length;

	if (!exe || exe[0] != '/')
		return NULL;
	length = strlen(exe);
	if (length > sizeof(deleted) && strcmp(exe + length - (sizeof(deleted) - 1), deleted) == 0)
		exe[length - (sizeof(deleted) - 1)] = '\0';
	length = root ? strlen(root) : 0;
	if (length > 1 && strncmp(exe, root, length) == 0 && exe[length] == '/')
		return strdup(exe + length);
	return TAKE_PTR(exe);
}

static int read_user(int proc_fd, uid_t *ret)
{
	_cleanup_close_ int fd = openat(proc_fd, "status", O_RDONLY | O_CLOEXEC);
	_cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[256];

	if (!file)
		return -ESRCH;
	(void)TAKE_FD(fd);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Uid: %*u %u", ret) == 1)
			return 0;
	return -ESRCH;
}

static bool read_marked(int proc_fd)
{
	_cleanup_close_ int fd = openat(proc_fd, "exe", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct elf_object object;

	return fd >= 0 && elf_object_read(fd, &object) >= 0 && object.memory_seal;
}

int facts_read(struct programs *programs, pid_t pid, const struct mseald_armed *armed, bool want_marked, struct facts *ret)
{
	_cleanup_(facts_free) struct facts facts = {};
	_cleanup_close_ int proc_fd = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0)
		return -ESRCH;
	facts.exe = armed && armed->exe[0] == '/' ? strndup(armed->exe, sizeof(armed->exe)) : facts_exe(proc_fd);
	facts.cgroup = armed ? cgroup_path(armed->cgroup) : NULL;
	if (!facts.cgroup)
		facts.cgroup = cgroup_read(proc_fd);
	if (armed)
		facts.policy.user = armed->user;
	else if (read_user(proc_fd, &facts.policy.user) < 0)
		return -ESRCH;
	if (want_marked) {
		uint32_t marked = facts.policy.marked = read_marked(proc_fd);

		/* Of the next start of the same file the kernel knows it. */
		if (armed && armed->file.inode && !(armed->flags & MSEALD_ARMED_FORKED))
			(void)bpf_map_update_elem(programs_map_fd(programs, "marks"), &armed->file, &marked, BPF_ANY);
	}
	facts.policy.exe = facts.exe;
	facts.policy.cgroup = facts.cgroup;
	*ret = facts;
	facts = (struct facts){};
	return 0;
}

void facts_free(struct facts *facts)
{
	free(facts->exe);
	free(facts->cgroup);
	*facts = (struct facts){};
}
