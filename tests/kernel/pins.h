/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pinned maps, read and changed past the daemon, and its programs. */
#pragma once

#include <linux/bpf.h>
#include <stdint.h>

#include "mseald/shared.h"

#define PINS "/sys/fs/bpf/mseald"

long bpf(int command, union bpf_attr *attributes);
/* A descriptor of what is pinned there; negative: nothing. */
int pin_open(const char *path);
/* Bails out on failure. */
struct mseald_state *state_map(void);
void state_unmap(struct mseald_state *state);
/* Of a hash map; 0 for others. */
unsigned count_entries(const char *path);
/* How often the kernel has skipped the programs of this name, whose first 15 letters it knows. */
uint64_t count_skipped(const char *program);
