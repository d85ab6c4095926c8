/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of a hash map, by bpf(2). */
#ifndef MSEALD_BPF_MAP_KEYS_H
#define MSEALD_BPF_MAP_KEYS_H

#include "lib/base/util.h"

/*
 * All of them, each of size bytes; the caller frees *ret. Those that come or go meanwhile may be
 * missing, or there twice; never more than max. -ENOMEM.
 */
int map_keys(int fd, size_t size, size_t max, void *ret, size_t *ret_count);

/* How many there are; 0 as well for a map that cannot be read. */
uint64_t map_keys_count(int fd);

#endif
