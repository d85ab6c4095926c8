// SPDX-License-Identifier: LGPL-2.1-or-later
/* See namespaces.h. */
#include "base/namespaces.h"

#include <sched.h>
#include <sys/stat.h>

#include "base/log.h"

int namespaces_same(int proc_fd, int other_fd, const char *kind)
{
	struct stat one, other;
	char path[32];

	FORMAT(path, "ns/%s", kind);
	if (fstatat(proc_fd, path, &one, 0) < 0 || fstatat(other_fd, path, &other, 0) < 0)
		return -errno;
	return one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

/* Is the daemon in the same namespace as pid 1? Returns as namespaces_same(). */
static int shares(const char *kind)
{
	_cleanup_close_ int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int first = open("/proc/1", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return self < 0 || first < 0 ? -errno : namespaces_same(self, first, kind);
}

#define FIRST_PID_NAMESPACE 0xeffffffcu /* include/linux/proc_ns.h, PROC_PID_INIT_INO; 3.8 to 7.3 */

bool namespaces_see_all_pids(void)
{
	struct stat own;

	return stat("/proc/self/ns/pid", &own) == 0 && own.st_ino == FIRST_PID_NAMESPACE;
}

bool namespaces_share_mounts(void)
{
	return shares("mnt") == 1;
}

void namespaces_join_cgroups(void)
{
	_cleanup_close_ int fd = -1;
	int r = shares("cgroup");

	if (r == 1)
		return;
	fd = r < 0 ? -1 : open("/proc/1/ns/cgroup", O_RDONLY | O_CLOEXEC);
	if (r >= 0)
		r = fd < 0 || setns(fd, CLONE_NEWCGROUP) < 0 ? -errno : 0;
	if (r < 0)
		log_warning("cannot enter pid 1's cgroup namespace: %s; Cgroup= and containers may fail, "
			    "ignoring",
			    strerror(-r));
}
