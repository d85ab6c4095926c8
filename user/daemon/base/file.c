// SPDX-License-Identifier: LGPL-2.1-or-later
/* See file.h. */
#include "base/file.h"

int file_replace(const char *path, mode_t mode, int (*write)(FILE *file, const void *context),
		 const void *context)
{
	_cleanup_free_ char *aside = FORMAT_NEW("%s.new", path);
	_cleanup_close_ int fd = -1;
	FILE *file;
	int r = 0;

	if (!aside)
		return -ENOMEM;
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return -errno;
	(void)TAKE_FD(fd);
	errno = EIO;
	if (write(file, context) < 0)
		r = -errno;
	if (fclose(file) != 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(aside, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(aside);
	return r;
}

int file_write_text(FILE *file, const void *text)
{
	return fputs(text, file);
}

ssize_t file_read(int dirfd, const char *path, char *text, size_t size)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return n;
}
