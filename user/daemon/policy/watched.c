// SPDX-License-Identifier: LGPL-2.1-or-later
/* See watched.h. */
#include "policy/watched.h"

#include <bpf/bpf.h>

#include "bpf/map.h"

/* The element of `starts` that the key has, copied; false: it has none. */
static bool find_start(struct programs *programs, uint64_t key, struct mseald_start *ret)
{
	const volatile __u64 *keys = programs_state(programs)->start_keys;

	for (uint32_t i = 0; i < MSEALD_START_PROBES; i++) {
		uint32_t at = MSEALD_START_AT((uint32_t)key, i);

		/* The element may be given to another while it is copied. */
		if (keys[at] == key)
			return bpf_map_lookup_elem(programs_map_fd(programs, "starts"), &at, ret) == 0 &&
			       keys[at] == key;
	}
	return false;
}

bool watched_find(struct programs *programs, uint64_t key, struct mseald_watched *ret)
{
	struct mseald_start start;

	if (find_start(programs, key, &start)) {
		*ret = start.facts;
		return true;
	}
	return bpf_map_lookup_elem(programs_map_fd(programs, "watched"), &key, ret) == 0;
}

uint32_t watched_loading(struct programs *programs, uint64_t key)
{
	struct mseald_start start;

	return find_start(programs, key, &start) ? start.loading.flags : 0;
}

int watched_keys(struct programs *programs, uint64_t **ret, size_t *ret_count)
{
	const volatile __u64 *keys = programs_state(programs)->start_keys;
	_cleanup_free_ uint64_t *watched = NULL;
	size_t count;
	uint64_t *all;
	int r = map_keys(programs_map_fd(programs, "watched"), sizeof(*watched), MSEALD_MAX_SPACES, &watched,
			 &count);

	if (r < 0)
		return r;
	all = realloc(watched, (count + MSEALD_STARTS) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	watched = NULL;
	for (size_t i = 0; i < MSEALD_STARTS; i++) {
		uint64_t key = keys[i];

		if (key && key != MSEALD_START_TAKEN)
			all[count++] = key;
	}
	*ret = all;
	*ret_count = count;
	return 0;
}
