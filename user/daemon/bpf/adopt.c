// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See adopt.h. A removed pin takes its object with it only if nothing else holds it: the programs of the
 * pinned links hold the maps. Without this check, a daemon that finds no map would make an empty one, and
 * replace programs that know the seals by programs that do not.
 */
#include "bpf/adopt.h"

#include <bpf/bpf.h>

#include "base/log.h"
#include "bpf/bpffs.h"
#include "bpf/map.h"
#include "mseald/shared.h"

#define MAPS_OF_PROGRAM 64

/* --- the layout --- */

static int read_layout(int map, uint64_t *ret)
{
	_cleanup_free_ uint64_t *value = NULL;
	struct bpf_map_info info;
	uint32_t key = 0;
	int r = map_info(map, &info);

	if (r < 0)
		return r;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size < sizeof(*value))
		return -EINVAL;
	value = malloc(info.value_size);
	if (!value)
		return -ENOMEM;
	if (bpf_map_lookup_elem(map, &key, value) < 0)
		return -errno;
	*ret = value[0]; /* struct mseald_state begins with the layout, in every layout */
	return 0;
}

static int check_layout(void)
{
	char path[BPFFS_PATH_MAX];
	_cleanup_close_ int map = bpf_obj_get(bpffs_map_path("state", path));
	uint64_t layout = 0;
	int r;

	if (map < 0 && errno == ENOENT)
		return 0;
	r = map < 0 ? -errno : read_layout(map, &layout);
	if (r < 0) {
		log_error("%s is not a map of mseald: %s; remove the pins, or reboot", path, strerror(-r));
		return r;
	}
	/* 0: the daemon that made it died before it wrote the layout. */
	if (layout && layout != MSEALD_LAYOUT) {
		log_error("the maps in " BPFFS_ROOT
			  " have layout %llu, not %u; run the mseald that made them, or reboot",
			  (unsigned long long)layout, MSEALD_LAYOUT);
		return -EPROTO;
	}
	return 0;
}

/* --- missing pins --- */

static void pin_if_missing(uint32_t id)
{
	_cleanup_close_ int map = bpf_map_get_fd_by_id(id);
	struct bpf_map_info info;
	char path[BPFFS_PATH_MAX];
	const char *name;

	if (map < 0 || map_info(map, &info) < 0)
		return;
	name = bpffs_map_name(info.name);
	if (!name || access(bpffs_map_path(name, path), F_OK) == 0)
		return;
	if (bpf_obj_pin(map, path) < 0)
		log_error("%s was missing and cannot be pinned again: %s", path, strerror(errno));
	else
		log_warning("%s was missing: pinned again from the programs that use it", path);
}

static void pin_maps_of(const char *link_path)
{
	_cleanup_close_ int link = bpf_obj_get(link_path), program = -1;
	struct bpf_link_info link_info = {};
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(link_info), maps[MAPS_OF_PROGRAM];

	if (link < 0 || bpf_obj_get_info_by_fd(link, &link_info, &size) < 0)
		return;
	program = bpf_prog_get_fd_by_id(link_info.prog_id);
	info.nr_map_ids = MAPS_OF_PROGRAM;
	info.map_ids = (uint64_t)(uintptr_t)maps;
	size = sizeof(info);
	if (program < 0 || bpf_obj_get_info_by_fd(program, &info, &size) < 0)
		return;
	for (uint32_t i = 0; i < MIN_OF(info.nr_map_ids, (uint32_t)MAPS_OF_PROGRAM); i++)
		pin_if_missing(maps[i]);
}

static void pin_missing(void)
{
	unsigned generation = bpffs_last_generation();
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	char path[BPFFS_PATH_MAX];

	if (!generation)
		return;
	FORMAT(path, BPFFS_ROOT "/links/%u", generation);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			pin_maps_of(bpffs_link_path(generation, entry->d_name, path));
}

int adopt_check(void)
{
	pin_missing();
	return check_layout();
}
