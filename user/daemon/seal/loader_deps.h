/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the objects that a program was started with, from its later mappings: the libraries that it needs
 * (DT_NEEDED, and theirs), LD_PRELOAD and /etc/ld.so.preload. The others were dlopen'ed. For processes whose
 * start was not seen, and `msealctl run`.
 */
#pragma once

#include <stdbool.h>

#include "lib/proc/objects.h"

/*
 * Marks late[i] of every object that the program (an index of objects) was not started with; late has room
 * for all. If the program cannot be read, none is marked. -ENOMEM.
 */
int loader_deps_find_late(const struct objects *objects, size_t program, int proc_dirfd, bool *late);
