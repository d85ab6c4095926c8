// SPDX-License-Identifier: LGPL-2.1-or-later
/* See watched.h. */
#include "policy/watched.h"

#include <bpf/bpf.h>

#include "bpf/map_keys.h"

bool watched_find(struct programs *programs, uint64_t key, struct mseald_watched *ret)
{
	return bpf_map_lookup_elem(programs_map_fd(programs, "watched"), &key, ret) == 0;
}

uint32_t watched_loading(struct programs *programs, uint64_t key)
{
	struct mseald_loading loading;

	return bpf_map_lookup_elem(programs_map_fd(programs, "loading"), &key, &loading) < 0 ? 0 :
											       loading.flags;
}

int watched_keys(struct programs *programs, uint64_t **ret, size_t *ret_count)
{
	return map_keys(programs_map_fd(programs, "watched"), sizeof(**ret), MSEALD_MAX_SPACES, ret,
			ret_count);
}
