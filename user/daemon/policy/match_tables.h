/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From policies to the tables by which the kernel decides which of them applies to a starting program
 * (bpf/exec_match.bpf.c). What the tables cannot say stays open, for the daemon to decide.
 */
#ifndef MSEALD_POLICY_MATCH_TABLES_H
#define MSEALD_POLICY_MATCH_TABLES_H

#include "bpf/programs.h"
#include "lib/policy/policy.h"

/*
 * Puts these policies in place of those that are there, at once: a program that starts is matched with the
 * ones or the others. *ret_generation: what struct mseald_watched calls them. -ENOSPC: too many paths and
 * names; -EBADE: the kernel has not what it was given; or another negative errno. Then those of before stay.
 */
int match_tables_set(struct programs *programs, const struct policies *policies, uint32_t *ret_generation);

#endif
