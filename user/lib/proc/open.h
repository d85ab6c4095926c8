/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening /proc/PID (proc_pid(5)). */
#pragma once

#include "lib/base/util.h"

/* /proc/PID/NAME, or with "" the folder itself. A descriptor, or a negative errno. */
static inline int proc_open(pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
