/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the commands of `msealctl policy`. */
#pragma once

#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "lib/policy/policy.h"

enum { POLICY_OPTION_ROOT = CTL_OPTION_OWN + 100 };

/* Ends each command's array of long options; the value is in ctl->root. */
#define POLICY_OPTIONS { "root", required_argument, NULL, POLICY_OPTION_ROOT }, CTL_GLOBAL_OPTIONS

/* The folders of policies, the administrator's first; ended by NULL. */
extern const char *const policy_common_folders[];

/*
 * The next option that is not in POLICY_OPTIONS, or CTL_END or CTL_STOP. options: for options_next(), or
 * NULL.
 */
int policy_common_option(struct ctl *ctl, int argc, char **argv, const struct option *options);

/* Reads all folders, below ctl->root. 0, or the exit status after a complaint. */
int policy_common_read(const struct ctl *ctl, struct policy_files *ret, struct diagnostics *faults);
/* The file used for this name (with or without .conf), or NULL. */
const struct policy_file *policy_common_find(const struct policy_files *files, const char *name);
/* The real path of a file of policy_files, with the root; malloc'ed, or NULL. */
char *policy_common_real_path(const struct ctl *ctl, const char *path);
/* Complains that there is no such policy, and suggests a similar name. CTL_FAILURE. */
int policy_common_complain_name(const struct policy_files *files, const char *name);
/* One word for a state: on, off, fault, masked, replaced. Static. */
const char *policy_common_state_name(enum policy_file_state state);

/*
 * Asks the daemon to read its policies again. 0 and a phrase for the result (policy_common_daemon_absent if
 * it is not running), or the exit status after a complaint.
 */
int policy_common_reload(const struct ctl *ctl, const char **ret_said);
extern const char policy_common_daemon_absent[];
