// SPDX-License-Identifier: LGPL-2.1-or-later
/* See inspection.h. The process may be hostile: the reader answers in time, or not at all. */
#include "seal/inspection.h"

#include <elf.h>
#include <limits.h>

#include "lib/elf/dynamic.h"
#include "lib/proc/open.h"
#include "process/procfs.h"
#include "process/reader.h"
#include "seal/loader_deps.h"

/* --- copies --- */

typedef void *(*allocator)(void *context, size_t size);

static void *from_heap(void *context, size_t size)
{
	(void)context;
	return malloc(size);
}

static void *from_reply(void *context, size_t size)
{
	return reader_reply_room(context, size);
}

static void *duplicate(allocator allocate, void *context, const void *list, size_t size)
{
	void *memory = allocate(context, size);

	return memory && size ? memcpy(memory, list, size) : memory;
}

/* -ENOMEM: *ret has a part of it. */
static int copy(const struct inspection *from, allocator allocate, void *context, struct inspection *ret)
{
	const struct mapping *first = from->maps.list;
	void *maps = allocate(context, proc_maps_size(&from->maps));

	*ret = (struct inspection){ .program = from->program, .loader = from->loader };
	if (!maps)
		return -ENOMEM;
	proc_maps_copy(&from->maps, maps, &ret->maps);
	ret->vmas.list = duplicate(allocate, context, from->vmas.list,
				   from->vmas.count * sizeof(*from->vmas.list));
	ret->objects.list = duplicate(allocate, context, from->objects.list,
				      from->objects.count * sizeof(*from->objects.list));
	if (from->late)
		ret->late = duplicate(allocate, context, from->late, from->objects.count + 1);
	if (!ret->vmas.list || !ret->objects.list || (from->late && !ret->late))
		return -ENOMEM;
	ret->vmas.count = from->vmas.count;
	ret->objects.count = ret->objects.allocated = from->objects.count;
	for (size_t i = 0; i < from->objects.count; i++)
		ret->objects.list[i].file = ret->maps.list + (from->objects.list[i].file - first);
	return 0;
}

void inspection_free(struct inspection *inspection)
{
	free(inspection->late);
	free(inspection->vmas.list);
	objects_free(&inspection->objects);
	proc_maps_free(&inspection->maps);
	*inspection = (struct inspection){};
}

/* --- in the reader --- */

struct order {
	struct programs *programs;
	pid_t tid;
	bool again; /* only maps and vmas, after a wait at this address */
	uint64_t address;
	enum inspection_late late;
};

enum { PROC, MAPS, PAGEMAP }; /* its descriptors */

/* Finds the program and the loader: AT_PHDR and AT_BASE of the auxiliary vector, getauxval(3). */
static void find_kernels(struct inspection *seen, int proc_dirfd)
{
	_cleanup_close_ int fd = openat(proc_dirfd, "auxv", O_RDONLY | O_CLOEXEC);
	uint64_t words[PROCFS_AUXV_WORDS];
	ssize_t n = fd < 0 ? -1 : read(fd, words, sizeof(words));

	for (int bits_32 = 0; n >= 0 && bits_32 <= 1 && seen->program < 0; bits_32++) {
		uint64_t headers = 0, base = 0;

		(void)procfs_auxv_find(words, n, bits_32, AT_PHDR, &headers);
		(void)procfs_auxv_find(words, n, bits_32, AT_BASE, &base);
		for (size_t i = 0; i < seen->objects.count; i++) {
			const struct object *object = &seen->objects.list[i];

			if (headers >= object->start && headers < object->end)
				seen->program = (int)i;
			else if (base && base >= object->start && base < object->end)
				seen->loader = (int)i;
		}
	}
}

/* Has it a library without RELRO? */
static bool has_plain(const struct inspection *seen)
{
	for (int i = 0; i < (int)seen->objects.count; i++)
		if (i != seen->program && i != seen->loader &&
		    (seen->objects.list[i].unknown || !seen->objects.list[i].elf.relro_memsz))
			return true;
	return false;
}

static int find_late(struct inspection *seen, enum inspection_late late, int proc_dirfd)
{
	int r = 0;

	if (late == INSPECTION_NEVER || (late == INSPECTION_IF_PLAIN && !has_plain(seen)))
		return 0;
	seen->late = calloc(seen->objects.count + 1, sizeof(*seen->late));
	if (!seen->late)
		return -ENOMEM;
	if (seen->program >= 0)
		r = loader_deps_find_late(&seen->objects, (size_t)seen->program, proc_dirfd, seen->late);
	if (seen->loader >= 0)
		seen->late[seen->loader] = false;
	return r;
}

/* A job: replies with a struct inspection and all that it points to. */
static int inspect(const void *argument, const int *fds, struct reader_reply *reply)
{
	struct inspection *found = reader_reply_room(reply, sizeof(*found));
	_cleanup_(inspection_free) struct inspection seen = { .program = -1, .loader = -1 };
	const struct order *order = argument;
	uint64_t entry;
	int r;

	if (order->again)
		(void)!pread(fds[PAGEMAP], &entry, sizeof(entry),
			     (off_t)(order->address / page_size() * sizeof(entry)));
	r = proc_maps_read_fd(fds[MAPS], &seen.maps);
	if (r >= 0)
		r = task_iter_read_vmas(order->programs, order->tid, &seen.vmas);
	if (r >= 0 && !order->again) {
		r = objects_find(&seen.maps, fds[PROC], &seen.objects);
		find_kernels(&seen, fds[PROC]);
		if (r >= 0)
			r = find_late(&seen, order->late, fds[PROC]);
	}
	if (r >= 0 && copy(&seen, from_reply, reply, found) < 0)
		r = -EFBIG;
	return r;
}

/* A job: replies with the mappings. argument: the pid, or with a descriptor NULL. */
static int read_maps(const void *argument, const int *fds, struct reader_reply *reply)
{
	struct proc_maps *found = reader_reply_room(reply, sizeof(*found)), maps = {};
	const pid_t *pid = argument;
	void *memory;
	int r = fds[0] < 0 ? proc_maps_read(*pid, &maps) : proc_maps_read_fd(fds[0], &maps);

	if (r < 0)
		return r;
	memory = reader_reply_room(reply, proc_maps_size(&maps));
	if (memory)
		proc_maps_copy(&maps, memory, found);
	proc_maps_free(&maps);
	return memory ? 0 : -EFBIG;
}

/* The part of an object that object_open() needs, and a name of a symbol. */
struct lookup {
	struct mapping file;
	char path[PATH_MAX], name[64];
};

/* A job. */
static int has_symbol(const void *argument, const int *fds, struct reader_reply *reply)
{
	struct lookup lookup = *(const struct lookup *)argument;
	const struct object object = { .file = &lookup.file };
	_cleanup_close_ int fd = -1;

	(void)reply;
	lookup.file.path = lookup.path;
	fd = object_open(&object, fds[0]);
	return fd < 0 ? fd : elf_dynamic_names(fd, lookup.name);
}

/* --- in the daemon --- */

static int run(const struct target *target, const struct order *order, struct inspection *ret)
{
	const int fds[] = {
		[PROC] = target->proc_fd, [MAPS] = target->maps_fd, [PAGEMAP] = target->pagemap_fd
	};
	struct reader_reply reply;
	int r = reader_run(target->account, target->pid, inspect, order, sizeof(*order), fds, ELEMENTS(fds),
			   &reply);

	if (r >= 0)
		r = copy((const struct inspection *)reply.data, from_heap, NULL, ret);
	if (r == -ENOMEM)
		inspection_free(ret);
	return r;
}

int inspection_read(struct programs *programs, const struct target *target, enum inspection_late late,
		    struct inspection *ret)
{
	return run(target, &(struct order){ .programs = programs, .tid = target->tid, .late = late }, ret);
}

int inspection_read_again(struct programs *programs, const struct target *target, uint64_t address,
			  struct inspection *ret)
{
	return run(target,
		   &(struct order){
			   .programs = programs, .tid = target->tid, .again = true, .address = address },
		   ret);
}

static int run_maps(uint32_t account, pid_t pid, const int *fds, size_t count, struct proc_maps *ret)
{
	struct reader_reply reply;
	const struct proc_maps *found;
	int r = reader_run(account, pid, read_maps, &pid, sizeof(pid), fds, count, &reply);
	void *memory;

	if (r < 0)
		return r;
	found = (const struct proc_maps *)reply.data;
	memory = malloc(proc_maps_size(found));
	if (!memory)
		return -ENOMEM;
	proc_maps_copy(found, memory, ret);
	return 0;
}

int inspection_read_pid(pid_t pid, uint32_t account, struct proc_maps *ret)
{
	return run_maps(account, pid, NULL, 0, ret);
}

int inspection_read_maps(const struct target *target, struct proc_maps *ret)
{
	return run_maps(target->account, target->pid, &target->maps_fd, 1, ret);
}

bool inspection_has_symbol(const struct target *target, const struct object *object, const char *name)
{
	struct lookup lookup = { .file = *object->file };
	struct reader_reply reply;

	FORMAT(lookup.path, "%s", object->file->path);
	FORMAT(lookup.name, "%s", name);
	return reader_run(target->account, target->pid, has_symbol, &lookup, sizeof(lookup), &target->proc_fd,
			  1, &reply) > 0;
}
