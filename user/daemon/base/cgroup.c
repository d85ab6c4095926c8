// SPDX-License-Identifier: LGPL-2.1-or-later
/* See cgroup.h. */
#include "base/cgroup.h"

#include <fts.h>
#include <linux/limits.h>
#include <sys/stat.h>

#include "lib/base/list.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
/* FILEID_KERNFS, include/linux/exportfs.h: a cgroup's id is its file handle */
#define HANDLE_KERNFS 0xfe

/* The path below the root, "/" for the root itself; malloc'ed. NULL: not below it. */
static char *below_root(const char *path)
{
	if (strncmp(path, CGROUP_ROOT, strlen(CGROUP_ROOT)) != 0)
		return NULL;
	return strdup(path[strlen(CGROUP_ROOT)] ? path + strlen(CGROUP_ROOT) : "/");
}

/* Without file handles (CONFIG_FHANDLE): looks at each cgroup. */
static char *path_by_walk(uint64_t id)
{
	FTS *walk = fts_open((char *[]){ CGROUP_ROOT, NULL }, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	char *path = NULL;
	FTSENT *entry;

	if (!walk)
		return NULL;
	while (!path && (entry = fts_read(walk)))
		if (entry->fts_info == FTS_D && entry->fts_statp->st_ino == id)
			path = below_root(entry->fts_path);
	(void)fts_close(walk);
	return path;
}

char *cgroup_path(uint64_t id)
{
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = { .head = { .handle_bytes = sizeof(id), .handle_type = HANDLE_KERNFS }, .id = id };
	_cleanup_close_ int root = open(CGROUP_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	char path[PATH_MAX], name[32];
	ssize_t n;

	if (root < 0)
		return NULL;
	fd = open_by_handle_at(root, &handle.head, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOSYS ? path_by_walk(id) : NULL;
	FORMAT(name, "/proc/self/fd/%d", fd);
	n = readlink(name, path, sizeof(path) - 1);
	if (n < 0)
		return NULL;
	path[n] = '\0';
	return below_root(path);
}

/* Reads the line "0::/path" of /proc/PID/cgroup. */
char *cgroup_read(int proc_fd)
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

int cgroup_id(const char *path, uint64_t *ret)
{
	_cleanup_free_ char *whole = FORMAT_NEW(CGROUP_ROOT "%s", path);
	struct stat st;

	if (!whole)
		return -ENOMEM;
	if (stat(whole, &st) < 0)
		return -errno;
	/* In kernfs the inode number is the id (fs/kernfs/inode.c; 64 bits on 64-bit kernels). */
	*ret = st.st_ino;
	return 0;
}

static int add_processes(const char *folder, pid_t **list, size_t *count, size_t *allocated)
{
	_cleanup_free_ char *path = FORMAT_NEW("%s/cgroup.procs", folder);
	_cleanup_fclose_ FILE *file = NULL;
	pid_t pid;

	if (!path)
		return -ENOMEM;
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &pid) == 1) {
		if (list_grow(list, *count, 1, allocated, sizeof(**list)) < 0)
			return -ENOMEM;
		/* 0: a process in a pid namespace that is not below the daemon's. */
		if (pid > 0)
			(*list)[(*count)++] = pid;
	}
	return 0;
}

int cgroup_processes(const char *path, pid_t **ret, size_t *ret_count)
{
	_cleanup_free_ char *whole = FORMAT_NEW(CGROUP_ROOT "%s", path);
	_cleanup_free_ pid_t *list = NULL;
	size_t count = 0, allocated = 0;
	FTSENT *entry;
	FTS *walk;
	int r = 0;

	if (!whole)
		return -ENOMEM;
	walk = fts_open((char *[]){ whole, NULL }, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!walk)
		return -errno;
	while (r >= 0 && (entry = fts_read(walk)))
		if (entry->fts_info == FTS_D)
			r = add_processes(entry->fts_path, &list, &count, &allocated);
	(void)fts_close(walk);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(list);
	*ret_count = count;
	return 0;
}

bool cgroup_within(const char *path, const char *above)
{
	size_t length = strlen(above);

	return strcmp(above, "/") == 0 ||
	       (strncmp(path, above, length) == 0 && (path[length] == '\0' || path[length] == '/'));
}
