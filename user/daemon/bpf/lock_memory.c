// SPDX-License-Identifier: LGPL-2.1-or-later
/* See lock_memory.h. */
#define _GNU_SOURCE
#include "bpf/lock_memory.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/base/util.h"
#include "lib/proc/maps.h"
#include "lib/proc/open.h"

/*
 * This code runs in a mapping that it replaces, so the copy has to take its place in one step (mremap). From
 * the copying to that step only system calls run, which leave the data of libraries as it is. The kernel
 * copies: AddressSanitizer would stop memcpy between variables, SIGBUS beyond the end of a file.
 */
static int replace(const struct mapping *mapping, int memory_fd)
{
	size_t size = mapping->end - mapping->start;
	int protection = (mapping->read ? PROT_READ : 0) | (mapping->write ? PROT_WRITE : 0) |
			 (mapping->exec ? PROT_EXEC : 0);
	void *original = (void *)(uintptr_t)mapping->start;
	char *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t copied;
	int r;

	if (copy == MAP_FAILED)
		return -errno;
	copied = protection ? pread(memory_fd, copy, size, (off_t)mapping->start) : (ssize_t)size;
	__builtin___clear_cache(copy, copy + size);
	if (copied == (ssize_t)size && mprotect(copy, size, protection) == 0 &&
	    mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, original) != MAP_FAILED)
		return 0;
	r = copied >= 0 && copied < (ssize_t)size ? -EFAULT : -errno;
	(void)munmap(copy, size);
	return r;
}

static int replace_all(const struct proc_maps *maps)
{
	_cleanup_close_ int memory_fd = proc_open(getpid(), "mem", O_RDONLY);
	int r = memory_fd < 0 ? memory_fd : 0;

	for (size_t i = 0; i < maps->count && r >= 0; i++)
		if (proc_mapping_is_file(&maps->list[i]) && !maps->list[i].shared)
			r = replace(&maps->list[i], memory_fd);
	return r;
}

int lock_memory_own(void)
{
	_cleanup_(proc_maps_free) struct proc_maps maps = {};
	int r = proc_maps_read(getpid(), &maps), status;
	pid_t pid;

	if (r < 0)
		return r;
	/* A child inherits the seals. If they kill, they kill the child. */
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(replace_all(&maps) < 0);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return status ? -EPERM : replace_all(&maps);
}
