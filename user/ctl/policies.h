/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands of `msealctl policy` share. */
#ifndef MSEALCTL_POLICIES_H
#define MSEALCTL_POLICIES_H

#include "ctl.h"
#include "lib/policy/policy.h"

enum { POLICY_OPTION_ROOT = CTL_OPTION_OWN + 100 };

/* Ends the array of long options of each; ctl->root has what was given. */
#define POLICY_OPTIONS \
	{ "root", required_argument, NULL, POLICY_OPTION_ROOT }, \
	CTL_GLOBAL_OPTIONS

/* The folders policies are read from, the administrator's first; ended by NULL. */
extern const char *const policy_folders[];

int policy_check(struct ctl *ctl, int argc, char **argv);
int policy_show(struct ctl *ctl, int argc, char **argv);
int policy_list_files(struct ctl *ctl, int argc, char **argv);
int policy_enable(struct ctl *ctl, int argc, char **argv);
int policy_disable(struct ctl *ctl, int argc, char **argv);
int policy_list(struct ctl *ctl, int argc, char **argv);
int policy_reload(struct ctl *ctl, int argc, char **argv);
int policy_report(struct ctl *ctl, int argc, char **argv);

/* The next option that is none of POLICY_OPTIONS, or CTL_END or CTL_STOP. options: what ctl_option() takes, or NULL. */
int policy_option(struct ctl *ctl, int argc, char **argv, const struct option *options);

/* Reads all folders, below ctl->root. 0, or the exit status after a complaint. */
int policies_fetch(const struct ctl *ctl, struct policy_files *ret, struct policy_faults *faults);
/* The file that stands for this name (with or without .conf), or NULL. */
const struct policy_file *policies_find(const struct policy_files *files, const char *name);
/* Where a file of policy_files really is, with the root; malloc'ed, or NULL. */
char *policies_real_path(const struct ctl *ctl, const char *path);
/* Complains that there is no such policy, and which was perhaps meant. CTL_FAILURE. */
int policies_complain_name(const struct policy_files *files, const char *name);
/* One word for a state: on, off, fault, masked, replaced. Static. */
const char *policy_state_name(enum policy_file_state state);

/*
 * Asks the daemon to read its policies again (policyenable.c). 0 and what came of it in words
 * (policy_daemon_absent where it is not running), or the exit status after a complaint.
 */
int policy_ask_to_reload(const struct ctl *ctl, const char **ret_said);
extern const char policy_daemon_absent[];

/* --- policytext.c --- */

/* The keys and values as they are in force, in the form of a file. false: out of memory. */
bool policy_print(const struct policy *policy, bool utf8);
/* The same as an object; NULL: out of memory. */
json_t *policy_to_json(const struct policy *policy);
/* [{path, line, message}...]; NULL: out of memory. */
json_t *faults_to_json(const struct policy_faults *faults);
/* One line on out for each, escaped; prefix before the message. false: out of memory. */
bool faults_print(const struct policy_faults *faults, const char *prefix, FILE *out);
/* What a policy matches, in one line: "Exe=... Unit=...". Malloc'ed, or NULL. */
char *policy_match_text(const struct policy *policy);

/* --- policyadvice.c: what to make of a report --- */

/*
 * One line: what would have been denied, and what is to be changed. policy, rows, lost: of io.mseald.Report; now: ns
 * since 1970. Malloc'ed, not escaped; NULL: out of memory.
 */
char *report_advice(const json_t *policy, const json_t *rows, uint64_t lost, uint64_t now);
#define REPORT_DURATION_MAX 32
/* "26 hours". Returns buf. */
const char *report_duration(uint64_t ns, char buf[REPORT_DURATION_MAX]);

/* --- policywarn.c: what is no fault, and surely not meant. 0 or -ENOMEM. --- */

/* A ready policy names where a program is on any distribution: only that none of them is here is worth a word. */
int policy_warn(const char *root, const struct policy *policy, bool ready, struct policy_faults *warnings);
/* Policies that never decide, and Enabled=no where it does not count. */
int policy_warn_files(const struct policy_files *files, struct policy_faults *warnings);

#endif
