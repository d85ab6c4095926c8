/* SPDX-License-Identifier: GPL-2.0-only */
/* Seal sets that programs fill: the interface of bpf/set_pool.bpf.c. */
#pragma once

#include "space.h"

/*
 * Seals the current pieces (struct mseald_loading), in the address space of this key. Returns 0. If nothing
 * has changed: an enum mseald_left + 1, or OBJECT_MEETS_SEAL.
 */
#define OBJECT_MEETS_SEAL (MSEALD_LEFT_COUNT + 1)

int set_pool_seal_pieces(u64 key, struct mseald_loading *loading);
