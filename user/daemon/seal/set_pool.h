/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pool of seal sets that the kernel takes as programs start (MSEALD_POOL_FIRST of mseald/shared.h). Only
 * the daemon can make them; taken, filled and given back they are without it.
 */
#ifndef MSEALD_SEAL_SET_POOL_H
#define MSEALD_SEAL_SET_POOL_H

#include "bpf/programs.h"
#include "seal/set_map.h"

/*
 * Makes some more, at least so many, and as many as take no time, until there are MSEALD_POOL_SETS. Before
 * 6.12 each waits for a grace period. Negative errno: it has fewer.
 */
int set_pool_fill(struct programs *programs, uint32_t least);

/* Puts back those that an earlier daemon made and did not get to put there. */
void set_pool_recover(struct programs *programs, struct set_map *sets);

#endif
