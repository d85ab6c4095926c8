// SPDX-License-Identifier: LGPL-2.1-or-later
/* See map.h. */
#include "bpf/map.h"

#include <bpf/bpf.h>

#include "lib/base/list.h"

#define KEY_MAX 64 /* bytes of the largest key in the maps to be counted */

int map_keys(int fd, size_t size, size_t max, void *ret, size_t *ret_count)
{
	_cleanup_free_ char *keys = NULL;
	size_t count = 0, room = 0;

	/* If a key is deleted meanwhile, the iteration restarts from the beginning: hence max. */
	for (; count < max; count++) {
		if (list_grow(&keys, count, 1, &room, size) < 0)
			return -ENOMEM;
		if (bpf_map_get_next_key(fd, count ? keys + size * (count - 1) : NULL, keys + size * count) <
		    0)
			break;
	}
	*(void **)ret = TAKE_PTR(keys);
	*ret_count = count;
	return 0;
}

uint64_t map_keys_count(int fd)
{
	unsigned char keys[2][KEY_MAX], *last = NULL;
	uint64_t count = 0;

	while (bpf_map_get_next_key(fd, last, keys[count & 1]) == 0)
		last = keys[count++ & 1];
	return count;
}

int map_info(int fd, struct bpf_map_info *ret)
{
	__u32 size = sizeof(*ret);

	*ret = (struct bpf_map_info){};
	return bpf_obj_get_info_by_fd(fd, ret, &size);
}

/* The second field of each bpf_*_info. */
uint32_t map_object_id(int fd)
{
	struct bpf_map_info info;

	_Static_assert(offsetof(struct bpf_map_info, id) == 4 && offsetof(struct bpf_prog_info, id) == 4 &&
			       offsetof(struct bpf_link_info, id) == 4,
		       "one place for the id");
	return map_info(fd, &info) < 0 ? 0 : info.id;
}
