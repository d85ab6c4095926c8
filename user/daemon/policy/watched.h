/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The maps `watched` and `starts`: programs that a policy may apply to, with their facts at the exec
 * (bpf/watch.h). programs_watch() and TOOL_UNWATCH change them.
 */
#pragma once

#include "bpf/programs.h"

/* Is the key watched? If so, *ret has its facts. */
bool watched_find(struct programs *programs, uint64_t key, struct mseald_watched *ret);

/* The kernel's record of its start: MSEALD_LOADING_*; 0: none. */
uint32_t watched_loading(struct programs *programs, uint64_t key);

/* All keys; the caller frees *ret. Keys that come or go meanwhile may be missing. -ENOMEM. */
int watched_keys(struct programs *programs, uint64_t **ret, size_t *ret_count);
