/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiles patterns of Exe= and Unit= for comparison in the kernel (bpf/exec_match.bpf.c). */
#pragma once

#include <stdbool.h>

#include "mseald/shared.h"

/*
 * Fills in the elements and sets of *ret: it then matches the same as fnmatch(3) with the flags of
 * user/lib/policy/match.c. False: the pattern cannot be expressed; *ret is undefined.
 */
bool glob_compile(const char *pattern, struct mseald_glob *ret);
