/* SPDX-License-Identifier: GPL-2.0-only */
/* Seal sets that programs fill: the interface of bpf/set_pool.bpf.c. */
#ifndef MSEALD_BPF_SET_POOL_H
#define MSEALD_BPF_SET_POOL_H

#include "space.h"

/*
 * Seals the pieces in hand (struct mseald_loading), in the address space of this key.
 * 0, or an enum mseald_left + 1: nothing has changed.
 */
int seal_pieces(u64 key, struct mseald_loading *loading);

#endif
