/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "fuse_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "puppet.h"

#define FOLDER "/tmp/fuse"
#define DEVICE "/tmp/fuse-device"
#define BLOCK (1 << 17)

static void serve(int fd, const char *contents)
{
	static union {
		struct {
			struct fuse_in_header header;
			struct fuse_read_in read;
		};
		char bytes[BLOCK];
	} in;
	static struct {
		struct fuse_out_header header;
		union {
			struct fuse_init_out init;
			struct fuse_entry_out entry;
			struct fuse_attr_out attr;
			struct fuse_open_out open;
			char bytes[BLOCK];
		};
	} out;
	size_t length;

	while (read(fd, &in, sizeof(in)) > 0) {
		bool folder = in.header.nodeid == FUSE_ROOT_ID && in.header.opcode != FUSE_LOOKUP;
		struct fuse_attr attr = { .ino = folder ? FUSE_ROOT_ID : 2,
					  .mode = folder ? S_IFDIR | 0700 : S_IFREG | 0600,
					  .nlink = 1,
					  .size = folder ? 0 : BLOCK,
					  .blksize = BLOCK };

		memset(&out, 0, sizeof(out));
		length = 0;
		if (in.header.opcode == FUSE_INIT) {
			out.init = (struct fuse_init_out){ .major = 7, .minor = 31, .max_write = PAGE };
			length = sizeof(out.init);
		} else if (in.header.opcode == FUSE_LOOKUP) {
			out.entry = (struct fuse_entry_out){ .nodeid = 2, .attr_valid = 100, .attr = attr };
			length = sizeof(out.entry);
		} else if (in.header.opcode == FUSE_GETATTR) {
			out.attr = (struct fuse_attr_out){ .attr_valid = 100, .attr = attr };
			length = sizeof(out.attr);
		} else if (in.header.opcode == FUSE_OPEN) {
			length = sizeof(out.open);
		} else if (in.header.opcode == FUSE_READ) {
			length = in.read.size < BLOCK ? in.read.size : BLOCK;
			memset(out.bytes, *contents, length);
		} else if (in.header.opcode == FUSE_FORGET) {
			continue;
		}
		out.header.unique = in.header.unique;
		out.header.len = (uint32_t)(sizeof(out.header) + length);
		(void)!write(fd, &out, out.header.len);
	}
	_exit(0);
}

bool fuse_file_open(struct fuse_file *ret)
{
	char options[128];
	bool mounted;
	int fd;

	(void)mkdir(FOLDER, 0700);
	(void)mknod(DEVICE, S_IFCHR | 0600, makedev(10, 229));
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	(void)unlink(DEVICE);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (fd < 0)
		return false;
	mounted = mount("none", FOLDER, "fuse", 0, options) == 0;
	if (mounted) {
		ret->contents = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		ret->server = fork();
		if (ret->server == 0)
			serve(fd, ret->contents);
	}
	close(fd);
	return mounted;
}

void fuse_file_close(struct fuse_file *file)
{
	(void)umount2(FOLDER, MNT_DETACH);
	kill(file->server, SIGKILL);
	waitpid(file->server, NULL, 0);
	(void)munmap(file->contents, PAGE);
	rmdir(FOLDER);
}
