/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads bytes of an untrusted file, which may shrink while it is read. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/elf/reader.h"

int elf_reader_open(int fd, struct elf_reader *ret)
{
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	*ret = (struct elf_reader){ .fd = fd, .size = (uint64_t)st.st_size };
	got = pread(fd, ret->head, sizeof(ret->head), 0);
	ret->head_size = got < 0 ? 0 : (size_t)got;
	return 0;
}

int elf_reader_fetch(const struct elf_reader *source, uint64_t offset, void *buffer, size_t length)
{
	uint64_t end;

	if (__builtin_add_overflow(offset, (uint64_t)length, &end) || end > source->size)
		return -EBADMSG;
	if (source->fd < 0) {
		memcpy(buffer, source->memory + offset, length);
		return 0;
	}
	if (end <= source->head_size) {
		memcpy(buffer, source->head + offset, length);
		return 0;
	}
	for (size_t done = 0; done < length;) {
		ssize_t got = pread(source->fd, (char *)buffer + done, length - done, (off_t)(offset + done));

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			return -EBADMSG;
		if (got > 0)
			done += (size_t)got;
	}
	return 0;
}
