/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of a hash map, read by bpf(2). */
#ifndef MSEALD_BPF_MAP_KEYS_H
#define MSEALD_BPF_MAP_KEYS_H

#include "lib/base/util.h"

/*
 * All keys, each of size bytes; the caller frees *ret. Keys that come or go meanwhile may be missing or
 * listed twice; never more than max. -ENOMEM.
 */
int map_keys(int fd, size_t size, size_t max, void *ret, size_t *ret_count);

/* The number of keys; 0 also for a map that cannot be read. */
uint64_t map_keys_count(int fd);

#endif
