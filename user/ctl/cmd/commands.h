/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands, each in the file of its name. */
#pragma once

#include "ctl/base/command.h"

int command_seal(struct ctl *ctl, int argc, char **argv);
int command_run(struct ctl *ctl, int argc, char **argv);
int command_unseal(struct ctl *ctl, int argc, char **argv);
int command_list(struct ctl *ctl, int argc, char **argv);
int command_map(struct ctl *ctl, int argc, char **argv);
int command_explain(struct ctl *ctl, int argc, char **argv);
int command_coverage(struct ctl *ctl, int argc, char **argv);
int command_monitor(struct ctl *ctl, int argc, char **argv);
int command_status(struct ctl *ctl, int argc, char **argv);
int command_metrics(struct ctl *ctl, int argc, char **argv);
int command_check(struct ctl *ctl, int argc, char **argv);
int command_policy(struct ctl *ctl, int argc, char **argv);
void command_policy_print(void);

/* The commands of `msealctl policy`. */
int command_policy_check(struct ctl *ctl, int argc, char **argv);
int command_policy_show(struct ctl *ctl, int argc, char **argv);
int command_policy_list_files(struct ctl *ctl, int argc, char **argv);
int command_policy_enable(struct ctl *ctl, int argc, char **argv);
int command_policy_disable(struct ctl *ctl, int argc, char **argv);
int command_policy_list(struct ctl *ctl, int argc, char **argv);
int command_policy_reload(struct ctl *ctl, int argc, char **argv);
int command_policy_report(struct ctl *ctl, int argc, char **argv);
