/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cgroups of the unified hierarchy (cgroups(7)): by process, by path, by the id that the kernel reports. */
#pragma once

#include "lib/base/util.h"

/* The path of a cgroup by its id, "/" for the root; malloc'ed. NULL: it is gone, or cannot be found by id. */
char *cgroup_path(uint64_t id);

/* The cgroup of an open /proc/PID; malloc'ed. NULL: the process is gone, or has none. */
char *cgroup_read(int proc_fd);

/* The id of a cgroup by its path. -ENOENT: no such cgroup. */
int cgroup_id(const char *path, uint64_t *ret);

/* The processes in a cgroup and in those below it; the caller frees *ret. Negative errno. */
int cgroup_processes(const char *path, pid_t **ret, size_t *ret_count);

/* Is it this cgroup, or one below? */
bool cgroup_within(const char *path, const char *above);
