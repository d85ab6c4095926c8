/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pool of seal sets that the kernel uses as programs start (MSEALD_POOL_FIRST of mseald/shared.h). Only
 * the daemon can make sets; the kernel takes, fills and returns them without it.
 */
#pragma once

#include "bpf/programs.h"
#include "seal/set_map.h"

/*
 * Makes at least this many more sets, and as many as take no time, up to MSEALD_POOL_SETS. Before 6.12 each
 * waits for a grace period. Negative errno: the pool has fewer.
 */
int set_pool_fill(struct programs *programs, uint32_t least);

/* Enters the sets that an earlier daemon made but did not enter. */
void set_pool_recover(struct programs *programs, struct set_map *sets);
