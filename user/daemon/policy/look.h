/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One look at a process: finds its policy, seals what is ready, and says when to look again. */
#pragma once

#include "policy/pending.h"

/* pending: a struct pending; its timer calls this. */
void look_at_process(void *pending);

/* Will mseal(2) be called for this policy at some time? Not for the daemon, which cannot trace itself. */
bool look_wants_native(const struct pending *pending, const struct policy *policy);

/* Reports a process that is not sealed so many seconds after it should have been. why: a phrase. */
void look_log_overdue(pid_t pid, const char *policy, uint64_t seconds, const char *why);
