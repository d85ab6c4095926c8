/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small files that the daemon keeps. */
#pragma once

#include "lib/base/util.h"

/*
 * Writes a new file (PATH.new) and renames it, so that the file is either complete or unchanged. write()
 * returns a negative value when it fails, with errno. Negative errno.
 */
int file_replace(const char *path, mode_t mode, int (*write)(FILE *file, const void *context),
		 const void *context);
/* For file_replace(): context is the text. */
int file_write_text(FILE *file, const void *text);

/* Reads up to size - 1 bytes and adds a NUL. dirfd: as openat(2). Returns the length, or a negative errno. */
ssize_t file_read(int dirfd, const char *path, char *text, size_t size);
