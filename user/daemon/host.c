// SPDX-License-Identifier: LGPL-2.1-or-later
/* See host.h. */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "lib/base/util.h"

/* 1: both are in the same namespace of this kind; 0: not; negative errno. */
static int shares(const char *kind)
{
	struct stat ours, theirs;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	if (stat(path, &ours) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/1/ns/%s", kind);
	if (stat(path, &theirs) < 0)
		return -errno;
	return ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

bool host_shares_mounts(void)
{
	return shares("mnt") == 1;
}

void host_join_cgroups(void)
{
	_cleanup_close_ int fd = -1;
	int r = shares("cgroup");

	if (r == 1)
		return;
	fd = r < 0 ? -1 : open("/proc/1/ns/cgroup", O_RDONLY | O_CLOEXEC);
	if (r >= 0)
		r = fd < 0 || setns(fd, CLONE_NEWCGROUP) < 0 ? -errno : 0;
	if (r < 0)
		log_warning("cannot enter the cgroup namespace of pid 1: %s; policies about cgroups, and containers, may not be "
			    "found, ignoring", strerror(-r));
}
