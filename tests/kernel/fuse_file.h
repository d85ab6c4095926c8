/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A FUSE file system that has one file, of any name, with blocks larger than a page. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define FUSE_PATH "/tmp/fuse/file"

struct fuse_file {
	pid_t server;
	char *contents; /* shared with the server: this byte fills the file */
};

bool fuse_file_open(struct fuse_file *ret); /* false: errno says why not */
void fuse_file_close(struct fuse_file *file);
