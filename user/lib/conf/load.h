/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads a configuration file into memory, if its name and its permissions are right. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "lib/conf/diagnostics.h"

#define LOAD_SUFFIX ".conf"
#define LOAD_FILE_MAX (64u << 10) /* maximal size of a file, in bytes */

/*
 * Reads a whole file, in one consistent state. -EINVAL: faults say why. shown is the path for messages. With
 * guarded, only root or the caller may be able to write the file.
 */
int load_file(const char *path, const char *shown, bool guarded, char **ret_text, size_t *ret_size,
	      struct diagnostics *faults);
/* Reads until text is full, or to the end. The number of bytes, or a negative errno. */
ssize_t load_bytes(int fd, char *text, size_t size);
/* The fault of a file or folder that other users could change, for a message; NULL: none. */
const char *load_unguarded(const struct stat *st);
/* Is this the name of a configuration file in a folder of such files? */
bool load_is_file_name(const char *name);
/* The length of NAME or NAME.conf, without .conf. */
size_t load_name_length(const char *name);
/* NAME of a path .../NAME.conf; malloc'ed, NULL: not of this form. */
char *load_name(const char *path);
