/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mseald in a container of its own (docs/containers.md): the host's namespaces that it shares, and needs. */
#pragma once

#include <stdbool.h>

/* Joins the cgroup namespace of pid 1: from another one, paths in /proc would begin with "/..". Logs. */
void namespaces_join_cgroups(void);

/* Are two processes (open /proc/PID) in one namespace of a kind ("pid")? 1, 0; negative errno: unknown. */
int namespaces_same(int proc_fd, int other_fd, const char *kind);

/* Does the daemon see all processes? Else it would take those it does not see for gone. */
bool namespaces_see_all_pids(void);

/* Is the file system mounted here also mounted for pid 1? */
bool namespaces_share_mounts(void);
