// SPDX-License-Identifier: LGPL-2.1-or-later
/* See facts.h. */
#include "facts.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>

#include "elfobject.h"
#include "util.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define HANDLE_KERNFS 0xfe	/* FILEID_KERNFS, include/linux/exportfs.h: the id of a cgroup is its handle */

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

/* root is no O_PATH descriptor: open_by_handle_at(2) takes none (fs/fhandle.c; seen on 6.12: EBADF). */
char *facts_cgroup(uint64_t id)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = { .head = { .handle_bytes = sizeof(id), .handle_type = HANDLE_KERNFS }, .id = id };
	_cleanup_close_ int root = open(CGROUP_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	_cleanup_free_ char *path = NULL;
	char name[32];

	if (root < 0)
		return NULL;
	fd = open_by_handle_at(root, &handle.head, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	path = read_link(AT_FDCWD, name);
	if (!path || strncmp(path, CGROUP_ROOT, strlen(CGROUP_ROOT)) != 0)
		return NULL;
	return strdup(path[strlen(CGROUP_ROOT)] ? path + strlen(CGROUP_ROOT) : "/");
}

/* The line "0::/path" of /proc/PID/cgroup: cgroups(7). */
static char *read_cgroup(int proc_fd)
{
	_cleanup_close_ int fd = openat(proc_fd, "cgroup", O_RDONLY | O_CLOEXEC);
	_cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[PATH_MAX + 8];

	if (!file)
		return NULL;
	(void)TAKE_FD(fd);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "0::/", 4) == 0) {
			line[strcspn(line, "\n")] = '\0';
			return strdup(line + 3);
		}
	return NULL;
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
	struct elfobject object;

	return fd >= 0 && elfobject_read(fd, &object) >= 0 && object.memory_seal;
}

bool facts_armed(struct programs *programs, uint64_t key, struct mseald_armed *ret)
{
	return bpf_map_lookup_elem(programs_map_fd(programs, "armed"), &key, ret) == 0;
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
	facts.cgroup = armed ? facts_cgroup(armed->cgroup) : NULL;
	if (!facts.cgroup)
		facts.cgroup = read_cgroup(proc_fd);
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
