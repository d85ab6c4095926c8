// SPDX-License-Identifier: LGPL-2.1-or-later
/* See procfs.h. */
#include "process/procfs.h"

#include "lib/proc/open.h"

#include <linux/limits.h>
#include <sys/syscall.h>

int procfs_open(pid_t pid)
{
	return proc_open(pid, "", O_RDONLY | O_DIRECTORY);
}

bool procfs_lives(int fd)
{
	/* A descriptor of /proc/PID serves as a pidfd (kernel/pid.c, tgid_pidfd_to_pid). */
	return syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0;
}

int procfs_read_status(int dirfd, const char *path, const char *name, char ret[PROCFS_VALUE_MAX])
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	_cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	size_t length = strlen(name);
	char line[PROCFS_VALUE_MAX];

	if (!file)
		return -ESRCH;
	(void)TAKE_FD(fd);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, name, length) == 0 && line[length] == ':') {
			(void)strcpy(ret, line + length + 1);
			return 0;
		}
	return ferror(file) ? -ESRCH : -ENODATA;
}

uint64_t procfs_status_number(pid_t pid, const char *name, int base, uint64_t otherwise)
{
	char path[32], value[PROCFS_VALUE_MAX];

	FORMAT(path, "/proc/%d/status", pid);
	return procfs_read_status(AT_FDCWD, path, name, value) < 0 ? otherwise : strtoull(value, NULL, base);
}

const char *procfs_stat_field(const char *text, int field)
{
	/* The process name ends field 2, and may contain anything. */
	const char *at = strrchr(text, ')');

	for (int i = 2; at && i < field; i++)
		at = strchr(at + 1, ' ');
	return at ? at + 1 : NULL;
}

char procfs_state(int dirfd, const char *path)
{
	const char *field = NULL;
	char text[256];

	if (file_read(dirfd, path, text, sizeof(text)) >= 0)
		field = procfs_stat_field(text, 3);
	return field ? *field : '\0';
}

bool procfs_auxv_find(const uint64_t *words, size_t size, bool bits_32, uint64_t type, uint64_t *ret)
{
	const uint32_t *narrow = (const void *)words;
	size_t count = size / (bits_32 ? sizeof(*narrow) : sizeof(*words));

	for (size_t i = 0; i + 1 < count; i += 2)
		if ((bits_32 ? narrow[i] : words[i]) == type) {
			*ret = bits_32 ? narrow[i + 1] : words[i + 1];
			return true;
		}
	return false;
}

/* The target of a link of /proc/PID; malloc'ed. */
static char *read_link(int dirfd, const char *name)
{
	char path[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, path, sizeof(path) - 1);

	if (n < 0)
		return NULL;
	path[n] = '\0';
	return strdup(path);
}

/* Relative to the process's own root. */
char *procfs_exe(int proc_fd)
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
