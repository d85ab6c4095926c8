/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Warnings: probable mistakes of a policy that are not faults. 0 or -ENOMEM. */
#pragma once

#include <stdbool.h>

#include "lib/policy/policy.h"

/*
 * A ready policy lists the paths of a program on all distributions: it gets a warning only if none of them
 * exists.
 */
int policy_lint(const char *root, const struct policy *policy, bool ready, struct diagnostics *warnings);
/* Policies that never apply, and Enabled=no without effect. */
int policy_lint_files(const struct policy_files *files, struct diagnostics *warnings);
