/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps by their descriptors: keys, information. */
#pragma once

#include <linux/bpf.h>

#include "lib/base/util.h"

/*
 * All keys of a hash map, each of size bytes; the caller frees *ret. Keys that come or go meanwhile may be
 * missing or listed twice; never more than max. -ENOMEM.
 */
int map_keys(int fd, size_t size, size_t max, void *ret, size_t *ret_count);

/* The number of keys; 0 also for a map that cannot be read. */
uint64_t map_keys_count(int fd);

/* Negative errno. */
int map_info(int fd, struct bpf_map_info *ret);

/* The id of a map, program or link; 0 and errno: unknown. */
uint32_t map_object_id(int fd);
