/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration file in memory: which files count, who may write them. */
#ifndef MSEALD_CONF_LOAD_H
#define MSEALD_CONF_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "lib/conf/diagnostics.h"

#define LOAD_SUFFIX ".conf"
#define LOAD_FILE_MAX (64u << 10) /* bytes of one file */

/*
 * The bytes of a file, whole and as they were at one time. -EINVAL: faults say
 * why. shown is the path to speak of. With guarded nobody else may be able to write it.
 */
int load_file(const char *path, const char *shown, bool guarded, char **ret_text, size_t *ret_size,
	      struct diagnostics *faults);
/* What to say of a file or folder that others could change: NULL when they cannot. */
const char *load_unguarded(const struct stat *st);
/* Is that the name of a file that counts, in a folder of them? */
bool load_is_file_name(const char *name);

#endif
