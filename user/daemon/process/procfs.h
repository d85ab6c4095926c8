/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of /proc/PID: proc(5). */
#ifndef MSEALD_PROCESS_PROCFS_H
#define MSEALD_PROCESS_PROCFS_H

#include "base/file.h"

/* The folder: a descriptor that never becomes that of another process. Negative errno. */
int procfs_open(pid_t pid);
/* Is the process of a pidfd, or of such a folder, there still, and not reaped? */
bool procfs_lives(int fd);

#define PROCFS_VALUE_MAX 256

/*
 * What a line of a status says ("Tgid"); path: from an open folder. -ESRCH: it is gone; -ENODATA:
 * there is no such line.
 */
int procfs_read_status(int dirfd, const char *path, const char *name, char ret[PROCFS_VALUE_MAX]);
/* The same of a process or thread by its pid, as a number in this base; otherwise if it cannot be had. */
uint64_t procfs_status_number(pid_t pid, const char *name, int base, uint64_t otherwise);

/* A field of a text of its stat, from 3 on, by the numbers of proc_pid_stat(5). NULL: not there. */
const char *procfs_stat_field(const char *text, int field);

#define PROCFS_AUXV_WORDS 256 /* more than an auxv can have */

/*
 * The value of this type (getauxval(3)) in an auxv, size bytes as they were read: in 32-bit words, if that is
 * what the program has. False, and *ret as it was: there is none.
 */
bool procfs_auxv_find(const uint64_t *words, size_t size, bool bits_32, uint64_t type, uint64_t *ret);

/* The program of an open /proc/PID, as it sees the path itself: malloc'ed; NULL: not there, or not known. */
char *procfs_exe(int proc_fd);

#endif
