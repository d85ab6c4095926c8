/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Builds the tables by which the kernel decides which policy applies to a starting program
 * (bpf/exec_match.bpf.c). If the tables cannot express a policy, the decision stays open, for the daemon.
 */
#pragma once

#include "bpf/programs.h"
#include "lib/policy/policy.h"

/*
 * Replaces the policies in the kernel atomically: a starting program is matched with the old or the new ones.
 * *ret_generation: their number in struct mseald_watched. -ENOSPC: too many paths and names; -EBADE: the
 * kernel's copy differs; or another negative errno. The old policies then stay.
 */
int match_tables_set(struct programs *programs, const struct policies *policies, uint32_t *ret_generation);
