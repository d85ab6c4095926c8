// SPDX-License-Identifier: LGPL-2.1-or-later
/* See armed.h. */
#include "policy/armed.h"

#include <bpf/bpf.h>

#include "bpf/map_keys.h"

bool armed_find(struct programs *programs, uint64_t key, struct mseald_armed *ret)
{
	return bpf_map_lookup_elem(programs_map_fd(programs, "armed"), &key, ret) == 0;
}

int armed_keys(struct programs *programs, uint64_t **ret, size_t *ret_count)
{
	return map_keys(programs_map_fd(programs, "armed"), sizeof(**ret), MSEALD_MAX_SPACES, ret, ret_count);
}
