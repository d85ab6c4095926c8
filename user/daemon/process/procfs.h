/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of /proc/PID: proc(5). */
#pragma once

#include "base/file.h"

/* Opens the folder. The descriptor never refers to another process with the same pid. Negative errno. */
int procfs_open(pid_t pid);
/* Is the process of a pidfd, or of such a folder, still there and not reaped? */
bool procfs_lives(int fd);

#define PROCFS_VALUE_MAX 256

/*
 * The value of a line of a status file ("Tgid"); path: relative to an open folder. -ESRCH: the process is
 * gone; -ENODATA: no such line.
 */
int procfs_read_status(int dirfd, const char *path, const char *name, char ret[PROCFS_VALUE_MAX]);
/* The same for a process or thread by its pid, as a number in this base; `otherwise` if it is unavailable. */
uint64_t procfs_status_number(pid_t pid, const char *name, int base, uint64_t otherwise);

/* A field of the text of a stat file, from 3 on, numbered as in proc_pid_stat(5). NULL: no such field. */
const char *procfs_stat_field(const char *text, int field);

/* The state in a stat file: a letter of proc_pid_stat(5), or '\0'. path: relative to an open folder. */
char procfs_state(int dirfd, const char *path);

#define PROCFS_AUXV_WORDS 256 /* more than any auxv has */

/*
 * The value of this type (getauxval(3)) in an auxv of size bytes, as read; bits_32: the auxv has 32-bit
 * words. False, and *ret unchanged: not found.
 */
bool procfs_auxv_find(const uint64_t *words, size_t size, bool bits_32, uint64_t type, uint64_t *ret);

/* The program of an open /proc/PID, as a path in its own root. Malloc'ed; NULL: none, or unknown. */
char *procfs_exe(int proc_fd);
