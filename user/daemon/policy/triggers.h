/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From policies to what the kernel compares each starting program with
 * (bpf/exec_match.bpf.c): of each policy the key that is most selective. Whatever a
 * policy matches, one of its triggers hits; not the other way round.
 */
#ifndef MSEALD_POLICY_TRIGGERS_H
#define MSEALD_POLICY_TRIGGERS_H

#include "bpf/programs.h"
#include "lib/policy/policy.h"

/*
 * Puts the triggers of these policies in place of those that are there: the new
 * ones first, so that there is no moment without. -ENOSPC: too many; then those of before
 * stay, and some of the new ones may be there as well. Negative errno.
 */
int triggers_set(struct programs *programs, const struct policies *policies);

#endif
