// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See lock_holders.h. The kernel counts the holders of a map in user space: one for each open description and
 * each pin. A count above that of the daemon means other holders.
 */
#include "bpf/lock_holders.h"

#include <bpf/bpf.h>

#include "lib/base/list.h"
#include "bpf/bpffs.h"
#include "bpf/map.h"
#include "lib/base/util.h"

#define TRIES 150
#define PAUSE_US 100000

/* Reads the first records of an iterator, at most room of them; returns their number. */
static ssize_t read_iterator(const struct bpf_program *program, void *records, size_t size, size_t room)
{
	_cleanup_close_ int link = bpf_link_create(bpf_program__fd(program), 0, BPF_TRACE_ITER, NULL),
			    fd = -1;
	size_t length = 0;
	ssize_t n;

	if (link < 0)
		return link;
	fd = bpf_iter_create(link);
	if (fd < 0)
		return -errno;
	while (length < size * room && (n = read(fd, (char *)records + length, size * room - length)) != 0) {
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		length += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)(length / size);
}

/* The map of each of the daemon's own descriptors. All at once: each takes a file to be read. Malloc'ed. */
static int read_own_descriptors(uint32_t **ret, size_t *ret_count)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc/self/fdinfo");
	_cleanup_free_ uint32_t *ids = NULL;
	size_t count = 0, allocated = 0;
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		_cleanup_fclose_ FILE *file = NULL;
		char path[300], line[128];

		FORMAT(path, "/proc/self/fdinfo/%s", entry->d_name);
		file = fopen(path, "re");
		if (list_grow(&ids, count, 1, &allocated, sizeof(*ids)) < 0)
			return -ENOMEM;
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "map_id: %u", &ids[count]) == 1) {
				count++;
				break;
			}
	}
	*ret = TAKE_PTR(ids);
	*ret_count = count;
	return 0;
}

static bool is_pinned(uint32_t id, const char *name)
{
	const char *pin = bpffs_map_name(name);
	char path[BPFFS_PATH_MAX];
	_cleanup_close_ int fd = pin ? bpf_obj_get(bpffs_map_path(pin, path)) : -1;

	return fd >= 0 && map_object_id(fd) == id;
}

static int find_descriptors(struct lock_bpf *skeleton, char why[256])
{
	static struct mseald_lock_map maps[4096];
	ssize_t count = read_iterator(skeleton->progs.lock_maps, maps, sizeof(*maps), ELEMENTS(maps));
	_cleanup_free_ uint32_t *own = NULL;
	size_t own_count;
	int r;

	if (count < 0)
		return (int)count;
	if (count == ELEMENTS(maps))
		return -E2BIG;
	r = read_own_descriptors(&own, &own_count);
	if (r < 0)
		return r;
	for (ssize_t i = 0; i < count; i++) {
		int64_t ours = is_pinned(maps[i].id, maps[i].name);

		for (size_t k = 0; k < own_count; k++)
			ours += own[k] == maps[i].id;
		if (maps[i].users <= ours)
			continue;
		(void)snprintf(why, 256, "another process has the map %s (id %u) open, or has pinned it",
			       maps[i].name, maps[i].id);
		return -EBUSY;
	}
	return 0;
}

static int find_programs(struct lock_bpf *skeleton, char why[256])
{
	struct mseald_lock_program found;
	ssize_t count = read_iterator(skeleton->progs.lock_programs, &found, sizeof(found), 1);

	if (count <= 0)
		return (int)count;
	(void)snprintf(why, 256, "the foreign BPF program with id %u uses the map with id %u", found.id,
		       found.map);
	return -EBUSY;
}

int lock_holders_find(struct lock_bpf *skeleton, char why[256])
{
	int r = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		if (i)
			(void)usleep(PAUSE_US);
		r = find_descriptors(skeleton, why);
		if (r >= 0)
			r = find_programs(skeleton, why);
		if (r != -EBUSY)
			break;
	}
	return r;
}
