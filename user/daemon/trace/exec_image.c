// SPDX-License-Identifier: LGPL-2.1-or-later
/* See exec_image.h: the auxiliary vector (getauxval(3)), and the program headers of /proc/PID/exe. */
#include "trace/exec_image.h"

#include <elf.h>

#include "base/text.h"
#include "lib/elf/object.h"
#include "lib/proc/open.h"
#include "process/procfs.h"

/* If this cannot be read, any page may be the one that it protects last. */
static void read_relro(pid_t pid, struct exec_image *image)
{
	_cleanup_close_ int fd = proc_open(pid, "exe", O_RDONLY);
	struct elf_object object;
	uint64_t bias;

	if (fd < 0 || elf_object_read(fd, &object) < 0) {
		image->relro_end = UINT64_MAX;
		return;
	}
	bias = image->entry - object.entry;
	if (object.relro_memsz) {
		image->relro_start = page_down(bias + object.relro_vaddr);
		image->relro_end = bias + object.relro_vaddr + object.relro_memsz;
	}
}

int exec_image_read(pid_t pid, bool bits_32, struct exec_image *ret)
{
	_cleanup_close_ int fd = proc_open(pid, "auxv", O_RDONLY);
	struct exec_image image = {};
	uint64_t words[PROCFS_AUXV_WORDS], base = 0, secure = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, words, sizeof(words));
	if (n < 0)
		return -errno;
	if (!procfs_auxv_find(words, n, bits_32, AT_ENTRY, &image.entry) || !image.entry)
		return -ENOEXEC;
	(void)procfs_auxv_find(words, n, bits_32, AT_BASE, &base);
	(void)procfs_auxv_find(words, n, bits_32, AT_SECURE, &secure);
	image.loader = base != 0;
	image.secure = secure != 0;
	if (!image.loader)
		read_relro(pid, &image);
	*ret = image;
	return 0;
}

void exec_image_name(pid_t pid, char *name, size_t size)
{
	char path[32];
	ssize_t n;

	FORMAT(path, "/proc/%d/exe", pid);
	n = readlink(path, name, size - 1);
	if (n < 0)
		n = snprintf(name, size, "pid %d", pid);
	name[n] = '\0';
	text_make_printable(name);
}
