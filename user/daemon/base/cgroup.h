/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cgroups of the unified hierarchy (cgroups(7)): of a process, by path, by the id that the kernel tells. */
#ifndef MSEALD_BASE_CGROUP_H
#define MSEALD_BASE_CGROUP_H

#include "lib/base/util.h"

/* The path of a cgroup from its id, "/" for the root; malloc'ed. NULL: it is gone, or cannot be found so. */
char *cgroup_path(uint64_t id);

/* The cgroup of an open /proc/PID; malloc'ed. NULL: the process is gone, or has none. */
char *cgroup_read(int proc_fd);

/* The id of a cgroup from its path. -ENOENT: there is none. */
int cgroup_id(const char *path, uint64_t *ret);

/* The processes in a cgroup and in those below; the caller frees *ret. Negative errno. */
int cgroup_processes(const char *path, pid_t **ret, size_t *ret_count);

/* Is it that one, or one below? */
bool cgroup_within(const char *path, const char *above);

#endif
