// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See objects.h. The process may be hostile: the work is bounded by the number of mappings, and no file is
 * opened that could block.
 */
#define _GNU_SOURCE
#include "lib/proc/objects.h"

#include <inttypes.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/base/list.h"
#include "lib/base/util.h"

#define OPEN_TRIES 4   /* mappings tried to open a file */
#define ANCHOR_TRIES 4 /* segments that may begin a mapping */

/* --- files --- */

static int by_file_and_start(const void *left, const void *right)
{
	const struct mapping *const *a = left, *const *b = right;
	int r = proc_mapping_compare_files(*a, *b);

	return r != 0 ? r : ((*a)->start > (*b)->start) - ((*a)->start < (*b)->start);
}

/*
 * Opens the file of an O_PATH descriptor, for reading. Only a regular file is
 * opened, else -ENOEXEC. inode, unless 0, must be the file's.
 */
static int reopen_regular(int path_fd, uint64_t inode)
{
	char name[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	struct stat st;
	int fd;

	if (fstat(path_fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	if (inode != 0 && st.st_ino != inode)
		return -ESTALE;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
	fd = open(name, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Opens the mapped file itself, deleted or not; needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. */
static int open_mapped(int proc_dirfd, const struct mapping *mapping)
{
	_cleanup_close_ int fd = -1;
	char name[64];

	(void)snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, mapping->start, mapping->end);
	fd = openat(proc_dirfd, name, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : reopen_regular(fd, 0);
}

int objects_open_file(int proc_dirfd, const char *path, uint64_t inode)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	_cleanup_close_ int root = openat(proc_dirfd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;

	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	return fd < 0 ? -errno : reopen_regular(fd, inode);
}

/*
 * Opens the file at the mapping's path, if it is still the same file. Compares the inode only: on overlayfs
 * and btrfs stat() reports another device than /proc/PID/maps.
 */
static int open_path(int proc_dirfd, const struct mapping *mapping)
{
	_cleanup_free_ char *path = strdup(mapping->path);

	if (!path)
		return -ENOMEM;
	for (char *escape = path; (escape = strstr(escape, "\\012")); escape++) {
		*escape = '\n';
		memmove(escape + 1, escape + 4, strlen(escape + 4) + 1);
	}
	return objects_open_file(proc_dirfd, path, mapping->inode);
}

static int open_group(int proc_dirfd, const struct mapping *const *group, size_t count)
{
	int fd = -ENOENT;

	for (size_t i = 0; i < count && i < OPEN_TRIES && fd < 0 && fd != -ENOEXEC; i++)
		fd = open_mapped(proc_dirfd, group[i]);
	return fd < 0 && fd != -ENOEXEC ? open_path(proc_dirfd, group[0]) : fd;
}

int object_open(const struct object *object, int proc_dirfd)
{
	return open_group(proc_dirfd, &object->file, 1);
}

static int read_object(int proc_dirfd, const struct mapping *const *group, size_t count,
		       struct elf_object *ret)
{
	_cleanup_close_ int fd = open_group(proc_dirfd, group, count);

	return fd < 0 ? fd : elf_object_read(fd, ret);
}

/* --- addresses --- */

/* The range of an object's image with this bias; false: not mapped. */
static bool image_of(const struct elf_object *object, uint64_t bias, uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t first = page_down(object->load[0].vaddr), last, start = bias + first, end;

	last = object->load[object->loads - 1].vaddr + object->load[object->loads - 1].memsz;
	if (__builtin_add_overflow(last, page_size() - 1, &end))
		return false;
	if (__builtin_add_overflow(start, page_up(last) - first, &end))
		return false;
	*ret_start = start;
	*ret_end = end;
	return true;
}

/*
 * Is the object loaded with this bias, rather than mapped to be read? Each PT_LOAD that begins with a mapping
 * of the file must have the right offset, and code must be executable. Code may also have been replaced (by
 * huge pages).
 */
static bool is_loaded(const struct proc_maps *maps, const struct mapping *file,
		      const struct elf_object *object, uint64_t bias)
{
	unsigned fitting = 0;
	bool code = false;

	for (size_t i = 0; i < object->loads; i++) {
		uint64_t start = bias + page_down(object->load[i].vaddr);
		const struct mapping *there = proc_maps_find(maps, start);

		if (object->load[i].filesz == 0 || !there || proc_mapping_compare_files(there, file) != 0)
			continue;
		if (there->offset + (start - there->start) != page_down(object->load[i].offset) ||
		    (object->load[i].exec && !there->exec))
			return false;
		fitting++;
		code = code || object->load[i].exec;
	}
	return code || fitting > 1;
}

/* Finds the bias by a mapping that begins with a PT_LOAD. False: none does. */
static bool find_bias(const struct proc_maps *maps, const struct mapping *mapping,
		      const struct elf_object *object, uint64_t *ret_bias)
{
	unsigned tries = 0;

	for (size_t i = 0; i < object->loads && tries < ANCHOR_TRIES; i++) {
		uint64_t bias = mapping->start - page_down(object->load[i].vaddr), start, end;

		if (object->load[i].filesz == 0 || page_down(object->load[i].offset) != mapping->offset)
			continue;
		tries++;
		if ((!object->is_dyn && bias != 0) || !image_of(object, bias, &start, &end) ||
		    !is_loaded(maps, mapping, object, bias))
			continue;
		*ret_bias = bias;
		return true;
	}
	return false;
}

/* --- both --- */

static int objects_add(struct objects *objects, const struct object *object)
{
	if (list_grow(&objects->list, objects->count, 1, &objects->allocated, sizeof(*objects->list)) < 0)
		return -ENOMEM;
	objects->list[objects->count++] = *object;
	return 0;
}

/* The headers cannot be read: a file with an executable mapping is taken for a loaded object. */
static int add_unknown(struct objects *objects, const struct mapping *const *group, size_t count)
{
	struct object object = {
		.file = group[0], .start = group[0]->start, .end = group[count - 1]->end, .unknown = true
	};
	bool code = false;

	for (size_t i = 0; i < count; i++)
		code = code || group[i]->exec;
	return code ? objects_add(objects, &object) : 0;
}

static int add_group(struct objects *objects, const struct proc_maps *maps, int proc_dirfd,
		     const struct mapping *const *group, size_t count)
{
	struct object object = {};
	bool private = false;
	uint64_t done = 0;
	int r;

	/* A loader maps privately, so files that are only mapped shared and devices are skipped. */
	for (size_t i = 0; i < count; i++)
	private = private || !group[i]->shared;
	if (!private)
		return 0;
	r = read_object(proc_dirfd, group, count, &object.elf);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return r == -ENOEXEC ? 0 : add_unknown(objects, group, count);
	for (size_t i = 0; object.elf.loads > 0 && i < count; i++) {
		if (group[i]->start < done || !find_bias(maps, group[i], &object.elf, &object.bias))
			continue;
		object.file = group[i];
		(void)image_of(&object.elf, object.bias, &object.start, &object.end);
		done = object.end;
		r = objects_add(objects, &object);
		if (r < 0)
			return r;
	}
	return 0;
}

int objects_find(const struct proc_maps *maps, int proc_dirfd, struct objects *ret)
{
	_cleanup_free_ const struct mapping **files = NULL;
	_cleanup_(objects_free) struct objects objects = {};
	size_t count = 0, group;
	int r;

	files = reallocarray(NULL, maps->count + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	for (size_t i = 0; i < maps->count; i++) {
		if (proc_mapping_is_file(&maps->list[i]))
			files[count++] = &maps->list[i];
	}
	qsort(files, count, sizeof(*files), by_file_and_start);
	for (size_t first = 0; first < count; first += group) {
		group = 1;
		while (first + group < count &&
		       proc_mapping_compare_files(files[first], files[first + group]) == 0)
			group++;
		r = add_group(&objects, maps, proc_dirfd, files + first, group);
		if (r < 0)
			return r;
	}
	*ret = objects;
	objects = (struct objects){};
	return 0;
}

void objects_free(struct objects *objects)
{
	if (!objects)
		return;
	free(objects->list);
	*objects = (struct objects){};
}
