/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mseald in a container of its own (docs/containers.md): what of the host's namespaces it has, and needs. */
#ifndef MSEALD_BASE_NAMESPACES_H
#define MSEALD_BASE_NAMESPACES_H

#include <stdbool.h>

/*
 * From here on /proc shows the cgroups of processes as pid 1 sees them; in another cgroup namespace
 * they would begin with "/..". Logs.
 */
void namespaces_join_cgroups(void);

/*
 * Are two processes (open /proc/PID) in one namespace of this kind, "pid"? 1, 0, or a negative errno: that
 * cannot be found out.
 */
int namespaces_same(int proc_fd, int other_fd, const char *kind);

/* Is the file system mounted here mounted for pid 1 too? */
bool namespaces_share_mounts(void);

#endif
