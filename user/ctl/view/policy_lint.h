/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Warnings: probable mistakes of a policy that are no faults. 0 or -ENOMEM. */
#ifndef MSEALCTL_POLICY_LINT_H
#define MSEALCTL_POLICY_LINT_H

#include <stdbool.h>

#include "lib/policy/policy.h"

/*
 * A ready policy names where a program is on any distribution: only that none of them is here is
 * worth a word.
 */
int policy_lint(const char *root, const struct policy *policy, bool ready, struct diagnostics *warnings);
/* Policies that never decide, and Enabled=no where it does not count. */
int policy_lint_files(const struct policy_files *files, struct diagnostics *warnings);

#endif
