// SPDX-License-Identifier: LGPL-2.1-or-later
/* See armed.h. */
#include "policy/armed.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "lib/base/util.h"

bool armed_find(struct programs *programs, uint64_t key, struct mseald_armed *ret)
{
	return bpf_map_lookup_elem(programs_map_fd(programs, "armed"), &key, ret) == 0;
}

int armed_keys(struct programs *programs, uint64_t **ret, size_t *ret_count)
{
	int fd = programs_map_fd(programs, "armed");
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count = 0, room = 0;
	uint64_t key;

	/* A key that has gone meanwhile would begin anew: never more than the map can hold. */
	for (bool more = bpf_map_get_next_key(fd, NULL, &key) == 0; more && count < MSEALD_MAX_SPACES;
	     more = bpf_map_get_next_key(fd, &keys[count - 1], &key) == 0) {
		if (count == room) {
			uint64_t *larger = reallocarray(keys, room = room ? 2 * room : 64, sizeof(*keys));

			if (!larger)
				return -ENOMEM;
			keys = larger;
		}
		keys[count++] = key;
	}
	*ret = TAKE_PTR(keys);
	*ret_count = count;
	return 0;
}
