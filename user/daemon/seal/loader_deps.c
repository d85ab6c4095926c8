// SPDX-License-Identifier: LGPL-2.1-or-later
/* See loader_deps.h. */
#include "seal/loader_deps.h"

#include "lib/base/util.h"
#include "lib/elf/dynamic.h"

#define ENVIRONMENT_MAX (128u << 10) /* bytes of it that are searched */
#define PRELOAD_MAX 4096
/*
 * Limits for files that are made to be expensive: bytes of all names, and comparisons of names and objects. A
 * browser has 150 objects with 2,000 names.
 */
#define NAMES_BYTES_MAX (4u << 20)
#define COMPARISONS_MAX (16u << 20)

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Is it the object that this name was resolved to? Compares its DT_SONAME and its file name. */
static bool is_called(const struct object *object, const struct elf_dynamic *dynamic, const char *name,
		      size_t length)
{
	const char *file = memchr(name, '/', length) ? object->file->path : base_name(object->file->path);

	return (dynamic->soname && strlen(dynamic->soname) == length &&
		memcmp(dynamic->soname, name, length) == 0) ||
	       (strlen(file) == length && memcmp(file, name, length) == 0);
}

struct search {
	const struct objects *objects;
	struct elf_dynamic *dynamics;
	bool *late;
	size_t *queue; /* objects whose DT_NEEDED must still be followed */
	size_t queued, done;
	size_t names, bytes; /* of all DT_NEEDED read so far */
};

static void found(struct search *search, size_t i)
{
	if (!search->late[i])
		return;
	search->late[i] = false;
	search->queue[search->queued++] = i;
}

static void find_name(struct search *search, const char *name, size_t length)
{
	for (size_t i = 0; length && i < search->objects->count; i++)
		if (search->late[i] &&
		    is_called(&search->objects->list[i], &search->dynamics[i], name, length))
			found(search, i);
}

/* Finds preloaded objects: names, separated by spaces or colons (ld.so(8)). */
static void find_names(struct search *search, const char *names)
{
	static const char between[] = " :\t\n";

	for (names += strspn(names, between); *names; names += strspn(names, between)) {
		size_t length = strcspn(names, between);

		find_name(search, names, length);
		names += length;
	}
}

/* LD_PRELOAD from the environment at the start of the program. */
static void find_preloaded(struct search *search, int proc_dirfd)
{
	static const char variable[] = "LD_PRELOAD=";
	_cleanup_close_ int fd = openat(proc_dirfd, "environ", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *environment = malloc(ENVIRONMENT_MAX + 1);
	ssize_t n = fd < 0 || !environment ? -1 : read(fd, environment, ENVIRONMENT_MAX);

	if (n < 0)
		return;
	environment[n] = '\0';
	for (char *at = environment; at < environment + n; at += strlen(at) + 1) {
		if (strncmp(at, variable, sizeof(variable) - 1) == 0)
			find_names(search, at + sizeof(variable) - 1);
	}
}

/* /etc/ld.so.preload. Its comments are read as names too, which no object has. */
static void find_preloaded_by_file(struct search *search, int proc_dirfd)
{
	_cleanup_close_ int fd = objects_open_file(proc_dirfd, "/etc/ld.so.preload", 0);
	char names[PRELOAD_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, names, sizeof(names) - 1);

	if (n <= 0)
		return;
	names[n] = '\0';
	find_names(search, names);
}

/* Reads what an object needs. -EFBIG: this would be too much together. */
static int read_needed(struct search *search, size_t i, int proc_dirfd)
{
	_cleanup_close_ int fd = object_open(&search->objects->list[i], proc_dirfd);
	struct elf_dynamic *dynamic = &search->dynamics[i];
	int r = fd < 0 ? fd : elf_dynamic_read(fd, dynamic);

	if (r < 0)
		return r;
	search->names += dynamic->needed_count;
	for (size_t name = 0; name < dynamic->needed_count; name++)
		search->bytes += strlen(dynamic->needed[name]);
	if (search->bytes <= NAMES_BYTES_MAX && search->names <= COMPARISONS_MAX / search->objects->count)
		return 0;
	elf_dynamic_free(dynamic);
	return -EFBIG;
}

int loader_deps_find_late(const struct objects *objects, size_t program, int proc_dirfd, bool *late)
{
	_cleanup_free_ struct elf_dynamic *dynamics = calloc(objects->count, sizeof(*dynamics));
	_cleanup_free_ size_t *queue = calloc(objects->count, sizeof(*queue));
	struct search search = { .objects = objects, .dynamics = dynamics, .late = late, .queue = queue };
	int r = 0;

	if (!dynamics || !queue)
		return -ENOMEM;
	for (size_t i = 0; i < objects->count && r != -ENOMEM; i++) {
		late[i] = true;
		r = read_needed(&search, i, proc_dirfd);
		/* An object that cannot be read counts as present from the start. */
		if (r < 0)
			late[i] = false;
	}
	if (r != -ENOMEM) {
		if (!late[program])
			memset(late, 0, objects->count * sizeof(*late));
		found(&search, program);
		find_preloaded(&search, proc_dirfd);
		find_preloaded_by_file(&search, proc_dirfd);
		while (search.done < search.queued) {
			const struct elf_dynamic *dynamic = &dynamics[search.queue[search.done++]];

			for (size_t i = 0; i < dynamic->needed_count; i++)
				find_name(&search, dynamic->needed[i], strlen(dynamic->needed[i]));
		}
	}
	for (size_t i = 0; i < objects->count; i++)
		elf_dynamic_free(&dynamics[i]);
	return r == -ENOMEM ? r : 0;
}
