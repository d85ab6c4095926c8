/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which part of an address space is what. The data flows:
 *   1. mappings of one file are a group; its program headers are read
 *   2. each place where a group is loaded (bias) is found and checked
 *   3. each place gives spans: what the program headers say should be there
 *   4. spans and mappings, both sorted, are walked together: segments
 * The process may be hostile: the work is bounded by the number of mappings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "elfobject.h"
#include "segments.h"
#include "util.h"

#define PAGE 4096ull
#define OPEN_TRIES 4	/* mappings through which a file is looked for */
#define ANCHOR_TRIES 4	/* segments that one mapping may be the start of */

static uint64_t page_down(uint64_t address)
{
	return address & ~(PAGE - 1);
}

/* Callers have checked that this does not go over the end. */
static uint64_t page_up(uint64_t address)
{
	return page_down(address + PAGE - 1);
}

/* What should be somewhere. */
struct span {
	uint64_t start, end;
	enum mseald_class class;
	bool relro;			/* of the class RELRO wherever it is not writable */
	bool whole;			/* one mapping as it is: nothing to check */
	const struct mapping *file;	/* or this file at this offset; NULL: anonymous memory */
	uint64_t offset;
};

struct spans {
	struct span *list;
	size_t count, allocated;
};

static void spans_free(struct spans *spans)
{
	free(spans->list);
}

static int spans_add(struct spans *spans, struct span span)
{
	if (span.start >= span.end)
		return 0;
	if (spans->count == spans->allocated) {
		size_t larger = spans->allocated ? spans->allocated * 2 : 64;
		struct span *grown = reallocarray(spans->list, larger, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		spans->list = grown;
		spans->allocated = larger;
	}
	spans->list[spans->count++] = span;
	return 0;
}

static int spans_add_mapping(struct spans *spans, const struct mapping *mapping, enum mseald_class class)
{
	return spans_add(spans, (struct span){ .start = mapping->start, .end = mapping->end,
					       .class = class, .whole = true });
}

/* --- 1. files --- */

static bool is_file(const struct mapping *mapping)
{
	return mapping->path[0] == '/';
}

static bool is_anonymous(const struct mapping *mapping)
{
	return mapping->inode == 0 && !mapping->shared &&
	       (mapping->path[0] == '\0' || strcmp(mapping->path, "[heap]") == 0 ||
		strncmp(mapping->path, "[anon:", 6) == 0);
}

static int compare_files(const struct mapping *a, const struct mapping *b)
{
	if (a->dev_major != b->dev_major)
		return a->dev_major < b->dev_major ? -1 : 1;
	if (a->dev_minor != b->dev_minor)
		return a->dev_minor < b->dev_minor ? -1 : 1;
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return strcmp(a->path, b->path);
}

static int by_file_and_start(const void *left, const void *right)
{
	const struct mapping *const *a = left, *const *b = right;
	int r = compare_files(*a, *b);

	return r != 0 ? r : ((*a)->start > (*b)->start) - ((*a)->start < (*b)->start);
}

/*
 * Opens what an O_PATH descriptor refers to, for reading. What is no regular
 * file is not opened at all: -ENOEXEC. inode, unless 0, must be the file's.
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

/* The very file that is mapped, deleted or not; needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. */
static int open_mapped(int proc_dirfd, const struct mapping *mapping)
{
	_cleanup_close_ int fd = -1;
	char name[64];

	(void)snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, mapping->start, mapping->end);
	fd = openat(proc_dirfd, name, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : reopen_regular(fd, 0);
}

/*
 * The file that has the mapping's path now, if it is still the same one. Told
 * by the inode alone: overlayfs and btrfs give another device to stat() than to
 * /proc/PID/maps. Symbolic links are the process's own and stay below its root.
 */
static int open_path(int proc_dirfd, const struct mapping *mapping)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	_cleanup_free_ char *path = strdup(mapping->path);
	_cleanup_close_ int root = -1, fd = -1;

	if (!path)
		return -ENOMEM;
	for (char *escape = path; (escape = strstr(escape, "\\012")); escape++) {
		*escape = '\n';
		memmove(escape + 1, escape + 4, strlen(escape + 4) + 1);
	}
	root = openat(proc_dirfd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	return fd < 0 ? -errno : reopen_regular(fd, mapping->inode);
}

static int read_object(int proc_dirfd, const struct mapping *const *group, size_t count, struct elfobject *ret)
{
	_cleanup_close_ int fd = -ENOENT;

	for (size_t i = 0; i < count && i < OPEN_TRIES && fd < 0 && fd != -ENOEXEC; i++)
		fd = open_mapped(proc_dirfd, group[i]);
	if (fd < 0 && fd != -ENOEXEC)
		fd = open_path(proc_dirfd, group[0]);
	return fd < 0 ? fd : elfobject_read(fd, ret);
}

/* --- 2. places --- */

/* Where the image of an object with this bias lies; false when nowhere. */
static bool image_of(const struct elfobject *object, uint64_t bias, uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t first = page_down(object->load[0].vaddr), last, start = bias + first, end;

	last = object->load[object->loads - 1].vaddr + object->load[object->loads - 1].memsz;
	if (__builtin_add_overflow(last, PAGE - 1, &end))
		return false;
	if (__builtin_add_overflow(start, page_up(last) - first, &end))
		return false;
	*ret_start = start;
	*ret_end = end;
	return true;
}

/*
 * Is the object loaded with this bias, rather than mapped to be read? Each
 * PT_LOAD must begin with its own bytes if it begins with the file at all, and
 * code must be executable. Code may also have been replaced (by huge pages).
 */
static bool is_loaded(const struct procmaps *maps, const struct mapping *file,
		      const struct elfobject *object, uint64_t bias)
{
	unsigned fitting = 0;
	bool code = false;

	for (size_t i = 0; i < object->loads; i++) {
		uint64_t start = bias + page_down(object->load[i].vaddr);
		const struct mapping *there = procmaps_find(maps, start);

		if (object->load[i].filesz == 0 || !there || compare_files(there, file) != 0)
			continue;
		if (there->offset + (start - there->start) != page_down(object->load[i].offset) ||
		    (object->load[i].exec && !there->exec))
			return false;
		fitting++;
		code = code || object->load[i].exec;
	}
	return code || fitting > 1;
}

/* A mapping that begins where a PT_LOAD does tells the bias. False when there is none. */
static bool find_bias(const struct procmaps *maps, const struct mapping *mapping,
		      const struct elfobject *object, uint64_t *ret_bias)
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

/* --- 3. spans --- */

/* Adds a span, the part of it that PT_GNU_RELRO covers marked. */
static int add_overlaid(struct spans *spans, struct span span, uint64_t relro_start, uint64_t relro_end)
{
	uint64_t from = MIN_OF(MAX_OF(relro_start, span.start), span.end);
	uint64_t to = MAX_OF(MIN_OF(relro_end, span.end), from);
	struct span before = span, inside = span, after = span;
	int r;

	if (span.class != MSEALD_CLASS_DATA)
		return spans_add(spans, span);
	before.end = from;
	inside.start = from;
	inside.end = to;
	inside.offset += from - span.start;
	inside.relro = true;
	after.start = to;
	after.offset += to - span.start;
	r = spans_add(spans, before);
	if (r == 0)
		r = spans_add(spans, inside);
	return r < 0 ? r : spans_add(spans, after);
}

/* What the headers say of the object with this bias; image_of has checked that nothing overflows. */
static int add_object(struct spans *spans, const struct mapping *file, const struct elfobject *object,
		      uint64_t bias)
{
	uint64_t relro_start = bias + page_down(object->relro_vaddr);
	/* Down as well, as the loader does: a last page that is not all RELRO stays writable. */
	uint64_t relro_end = bias + page_down(object->relro_vaddr + object->relro_memsz);

	for (size_t i = 0; i < object->loads; i++) {
		uint64_t vaddr = object->load[i].vaddr, end = UINT64_MAX;
		struct span bytes = {
			.start = bias + page_down(vaddr),
			.end = bias + page_up(vaddr + object->load[i].filesz),
			.class = object->load[i].write	? MSEALD_CLASS_DATA
				 : object->load[i].exec ? MSEALD_CLASS_TEXT
							: MSEALD_CLASS_RODATA,
			.file = file,
			.offset = page_down(object->load[i].offset),
		};
		struct span bss = bytes;
		int r;

		bss.file = NULL;
		bss.start = bytes.end;
		bss.end = bias + page_up(vaddr + object->load[i].memsz);
		/* Where two share a page, the one mapped later has it. */
		if (i + 1 < object->loads)
			end = bias + page_down(object->load[i + 1].vaddr);
		bytes.end = MIN_OF(bytes.end, end);
		bss.end = MIN_OF(bss.end, end);
		r = add_overlaid(spans, bytes, relro_start, relro_end);
		if (r == 0)
			r = add_overlaid(spans, bss, relro_start, relro_end);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Without program headers: a file of which something is executable, by permissions. */
static int add_by_permissions(struct spans *spans, const struct mapping *const *group, size_t count)
{
	bool code = false;

	for (size_t i = 0; i < count; i++)
		code = code || group[i]->exec;
	for (size_t i = 0; code && i < count; i++) {
		enum mseald_class class = group[i]->write  ? MSEALD_CLASS_DATA
					  : group[i]->exec ? MSEALD_CLASS_TEXT
					  : group[i]->read ? MSEALD_CLASS_RODATA
							   : MSEALD_CLASS_NONE;
		int r = class == MSEALD_CLASS_NONE ? 0 : spans_add_mapping(spans, group[i], class);

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_group(struct spans *spans, const struct procmaps *maps, int proc_dirfd,
		     const struct mapping *const *group, size_t count)
{
	struct elfobject object;
	bool private = false;
	uint64_t done = 0;
	int r;

	/* A loader maps privately; shared memory and devices need not be looked into. */
	for (size_t i = 0; i < count; i++)
		private = private || !group[i]->shared;
	if (!private)
		return 0;
	r = read_object(proc_dirfd, group, count, &object);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return r == -ENOEXEC ? 0 : add_by_permissions(spans, group, count);
	for (size_t i = 0; object.loads > 0 && i < count; i++) {
		uint64_t bias, start;

		if (group[i]->start < done || !find_bias(maps, group[i], &object, &bias))
			continue;
		(void)image_of(&object, bias, &start, &done);
		r = add_object(spans, group[i], &object, bias);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_files(struct spans *spans, const struct procmaps *maps, int proc_dirfd)
{
	_cleanup_free_ const struct mapping **files = NULL;
	size_t count = 0, group;
	int r;

	files = reallocarray(NULL, maps->count + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	for (size_t i = 0; i < maps->count; i++) {
		if (is_file(&maps->list[i]))
			files[count++] = &maps->list[i];
	}
	qsort(files, count, sizeof(*files), by_file_and_start);
	for (size_t first = 0; first < count; first += group) {
		group = 1;
		while (first + group < count && compare_files(files[first], files[first + group]) == 0)
			group++;
		r = add_group(spans, maps, proc_dirfd, files + first, group);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What the kernel put there itself. */
static int add_kernel_mappings(struct spans *spans, const struct procmaps *maps)
{
	static const struct {
		const char *name;
		enum mseald_class class;
	} kernel[] = {
		{ "[vdso]", MSEALD_CLASS_VDSO },
		{ "[vvar]", MSEALD_CLASS_VDSO },
		{ "[vvar_vclock]", MSEALD_CLASS_VDSO },
		{ "[stack]", MSEALD_CLASS_STACK },
	};

	for (size_t i = 0; i < maps->count; i++) {
		for (size_t k = 0; k < ELEMENTS(kernel); k++) {
			int r = 0;

			if (strcmp(maps->list[i].path, kernel[k].name) == 0)
				r = spans_add_mapping(spans, &maps->list[i], kernel[k].class);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* --- 4. segments --- */

static int by_span_start(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

/* Is what should be there what is there, from address on? */
static bool span_fits(const struct span *span, const struct mapping *mapping, uint64_t address)
{
	if (span->whole || is_anonymous(mapping))
		return true;
	return span->file && compare_files(span->file, mapping) == 0 &&
	       mapping->offset + (address - mapping->start) == span->offset + (address - span->start);
}

static void append_segment(struct segments *segments, struct segment segment)
{
	struct segment *last = segments->count > 0 ? &segments->list[segments->count - 1] : NULL;

	if (last && last->mapping == segment.mapping && last->class == segment.class &&
	    last->end == segment.start)
		last->end = segment.end;
	else
		segments->list[segments->count++] = segment;
}

int segments_resolve(const struct procmaps *maps, int proc_dirfd, struct segments *ret)
{
	_cleanup_(spans_free) struct spans spans = { 0 };
	struct segments segments = { 0 };
	size_t m = 0;
	int r;

	r = add_kernel_mappings(&spans, maps);
	if (r == 0)
		r = add_files(&spans, maps, proc_dirfd);
	if (r < 0)
		return r;
	if (spans.count == 0) {
		*ret = segments;
		return 0;
	}
	qsort(spans.list, spans.count, sizeof(*spans.list), by_span_start);

	/* Each pass ends a span or a mapping, so there are no more segments than of both. */
	segments.list = reallocarray(NULL, spans.count + maps->count, sizeof(*segments.list));
	if (!segments.list)
		return -ENOMEM;
	for (size_t s = 0; s < spans.count; s++) {
		const struct span *span = &spans.list[s];
		/* None overlaps another but by a header that lies: the later one has it. */
		uint64_t end = s + 1 < spans.count ? MIN_OF(span->end, span[1].start) : span->end;

		while (m < maps->count && maps->list[m].end <= span->start)
			m++;
		for (size_t i = m; i < maps->count && maps->list[i].start < end; i++) {
			const struct mapping *mapping = &maps->list[i];
			struct segment segment = {
				.start = MAX_OF(span->start, mapping->start),
				.end = MIN_OF(end, mapping->end),
				.class = span->relro && !mapping->write ? MSEALD_CLASS_RELRO : span->class,
				.writable = mapping->write,
				.shared = mapping->shared,
				.anonymous = !is_file(mapping),
				.mapping = mapping,
			};

			if (segment.start < segment.end && span_fits(span, mapping, segment.start))
				append_segment(&segments, segment);
		}
	}
	*ret = segments;
	return 0;
}

void segments_free(struct segments *segments)
{
	if (!segments)
		return;
	free(segments->list);
	*segments = (struct segments){ 0 };
}
