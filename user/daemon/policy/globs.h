/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns of Exe= and Unit= as the kernel compares them (bpf/exec_match.bpf.c). */
#ifndef MSEALD_POLICY_GLOBS_H
#define MSEALD_POLICY_GLOBS_H

#include <stdbool.h>

#include "mseald/shared.h"

/*
 * Fills in the elements and sets of *ret: it then matches what fnmatch(3) does with the flags of
 * user/lib/policy/match.c. False: the pattern is beyond that; *ret says nothing.
 */
bool glob_compile(const char *pattern, struct mseald_glob *ret);

#endif
