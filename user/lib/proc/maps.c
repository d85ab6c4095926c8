/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads /proc/PID/maps. fs/proc/task_mmu.c writes lines of this form:
 *   START-END rwxs OFFSET MAJOR:MINOR INODE [spaces PATH]
 * Numbers are hexadecimal, except for the inode. In PATH the kernel escapes only new lines, so PATH is the
 * whole rest of the line.
 */
#define _GNU_SOURCE

#include "lib/proc/maps.h"
#include "lib/base/list.h"
#include "lib/base/util.h"
#include "lib/proc/open.h"

/* The rest of the line being read. */
struct cursor {
	const char *at, *end;
};

static bool skip_char(struct cursor *line, char wanted)
{
	if (line->at == line->end || *line->at != wanted)
		return false;
	line->at++;
	return true;
}

static bool read_number(struct cursor *line, unsigned base, uint64_t *ret)
{
	const char *first = line->at;
	uint64_t value = 0;

	for (; line->at < line->end; line->at++) {
		unsigned digit;

		if (*line->at >= '0' && *line->at <= '9')
			digit = (unsigned)(*line->at - '0');
		else if (base == 16 && *line->at >= 'a' && *line->at <= 'f')
			digit = (unsigned)(*line->at - 'a') + 10;
		else
			break;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return false;
	}
	*ret = value;
	return line->at > first;
}

static bool read_device_number(struct cursor *line, unsigned *ret)
{
	uint64_t value;

	if (!read_number(line, 16, &value) || value > UINT32_MAX)
		return false;
	*ret = (unsigned)value;
	return true;
}

/* Reads one of the four permissions: the letter yes, or no. */
static bool read_flag(struct cursor *line, char yes, char no, bool *ret)
{
	if (skip_char(line, yes))
		*ret = true;
	else if (skip_char(line, no))
		*ret = false;
	else
		return false;
	return true;
}

/* Parses a line without its end. Copies the path to *pool, and advances *pool. */
static bool read_line(struct cursor line, struct mapping *ret, char **pool)
{
	struct mapping mapping = { 0 };
	size_t length;

	if (!read_number(&line, 16, &mapping.start) || !skip_char(&line, '-') ||
	    !read_number(&line, 16, &mapping.end) || !skip_char(&line, ' ') ||
	    !read_flag(&line, 'r', '-', &mapping.read) || !read_flag(&line, 'w', '-', &mapping.write) ||
	    !read_flag(&line, 'x', '-', &mapping.exec) || !read_flag(&line, 's', 'p', &mapping.shared) ||
	    !skip_char(&line, ' ') || !read_number(&line, 16, &mapping.offset) || !skip_char(&line, ' ') ||
	    !read_device_number(&line, &mapping.dev_major) || !skip_char(&line, ':') ||
	    !read_device_number(&line, &mapping.dev_minor) || !skip_char(&line, ' ') ||
	    !read_number(&line, 10, &mapping.inode))
		return false;
	if (mapping.start >= mapping.end)
		return false;
	if (line.at < line.end && *line.at != ' ')
		return false;
	while (skip_char(&line, ' '))
		;

	length = (size_t)(line.end - line.at);
	if (memchr(line.at, '\0', length))
		return false;
	mapping.path = *pool;
	memcpy(mapping.path, line.at, length);
	mapping.path[length] = '\0';
	*pool += length + 1;
	*ret = mapping;
	return true;
}

int proc_maps_parse(const char *text, size_t length, struct proc_maps *ret)
{
	const char *end = text + length;
	_cleanup_free_ struct mapping *list = NULL;
	size_t lines = 0, bytes, count = 0;
	char *pool;

	if (length == 0) {
		*ret = (struct proc_maps){ 0 };
		return 0;
	}
	if (end[-1] != '\n')
		return -EINVAL;
	for (const char *at = text; at < end; at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1)
		lines++;

	/* One allocation for the list and its paths; the paths are no longer than the text. */
	if (__builtin_mul_overflow(lines, sizeof(*list), &bytes) ||
	    __builtin_add_overflow(bytes, length, &bytes))
		return -ENOMEM;
	list = malloc(bytes);
	if (!list)
		return -ENOMEM;
	pool = (char *)(list + lines);

	for (const char *at = text; at < end; count++) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));

		if (!read_line((struct cursor){ at, line_end }, &list[count], &pool))
			return -EINVAL;
		if (count > 0 && list[count].start < list[count - 1].end)
			return -EINVAL;
		at = line_end + 1;
	}
	*ret = (struct proc_maps){ .list = TAKE_PTR(list), .count = count };
	return 0;
}

/*
 * Where the kernel does not hold mmap_lock throughout, lines written while the mappings change may overlap.
 * Before 6.17 every read() takes the lock anew, since then every mapping does (fs/proc/task_mmu.c).
 */
#define READ_TRIES 16

static int read_once(int fd, struct proc_maps *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0, allocated = 0;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	for (;;) {
		ssize_t got;

		if (length == PROC_MAPS_TEXT_MAX)
			return -EFBIG;
		if (length == allocated) {
			size_t larger = allocated ? allocated * 2 : 16384;
			char *grown = realloc(text, larger);

			if (!grown)
				return -ENOMEM;
			text = grown;
			allocated = larger;
		}
		got = read(fd, text + length, allocated - length);
		if (got == 0)
			break;
		if (got > 0)
			length += (size_t)got;
		else if (errno != EINTR)
			return -errno;
	}
	return proc_maps_parse(text, length, ret);
}

int proc_maps_read_fd(int fd, struct proc_maps *ret)
{
	int r = -EINVAL;

	for (int i = 0; i < READ_TRIES && r == -EINVAL; i++)
		r = read_once(fd, ret);
	return r;
}

int proc_maps_read(pid_t pid, struct proc_maps *ret)
{
	_cleanup_close_ int fd = proc_open(pid, "maps", O_RDONLY);

	return fd < 0 ? fd : proc_maps_read_fd(fd, ret);
}

size_t proc_maps_size(const struct proc_maps *maps)
{
	size_t size = maps->count * sizeof(*maps->list);

	for (size_t i = 0; i < maps->count; i++)
		size += strlen(maps->list[i].path) + 1;
	return size;
}

void proc_maps_copy(const struct proc_maps *maps, void *memory, struct proc_maps *ret)
{
	struct mapping *list = memory;
	char *path = (char *)(list + maps->count);

	for (size_t i = 0; i < maps->count; i++) {
		list[i] = maps->list[i];
		list[i].path = path;
		path = stpcpy(path, maps->list[i].path) + 1;
	}
	*ret = (struct proc_maps){ .list = list, .count = maps->count };
}

void proc_maps_free(struct proc_maps *maps)
{
	if (!maps)
		return;
	free(maps->list);
	*maps = (struct proc_maps){ 0 };
}

/* Index of the first mapping that ends above address; count: none. */
static size_t first_above(const struct proc_maps *maps, uint64_t address)
{
	return LIST_SEARCH(maps->count, i, maps->list[i].end <= address);
}

const struct mapping *proc_maps_find(const struct proc_maps *maps, uint64_t address)
{
	size_t i = first_above(maps, address);

	return i < maps->count && maps->list[i].start <= address ? &maps->list[i] : NULL;
}

bool proc_maps_covers(const struct proc_maps *maps, uint64_t start, uint64_t end, uint64_t *ret_hole)
{
	uint64_t reached = start;

	for (size_t i = first_above(maps, start); reached < end; i++) {
		if (i == maps->count || maps->list[i].start > reached) {
			if (ret_hole)
				*ret_hole = reached;
			return false;
		}
		reached = maps->list[i].end;
	}
	return true;
}

bool proc_maps_is_32bit(const struct proc_maps *maps)
{
	return maps->count && maps->list[maps->count - 1].end <= UINT64_C(1) << 32;
}

bool proc_mapping_is_file(const struct mapping *mapping)
{
	return mapping->path[0] == '/';
}

bool proc_mapping_is_code(const struct mapping *mapping)
{
	static const char *const memory[] = { "/dev/zero", "/memfd:", "/SYSV" };

	for (size_t i = 0; i < ELEMENTS(memory); i++)
		if (strncmp(mapping->path, memory[i], strlen(memory[i])) == 0)
			return false;
	return mapping->exec && proc_mapping_is_file(mapping);
}

int proc_mapping_compare_files(const struct mapping *a, const struct mapping *b)
{
	if (a->dev_major != b->dev_major)
		return a->dev_major < b->dev_major ? -1 : 1;
	if (a->dev_minor != b->dev_minor)
		return a->dev_minor < b->dev_minor ? -1 : 1;
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return strcmp(a->path, b->path);
}
