/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls in which a sleeping thread can be stopped without noticing: those that have done nothing
 * yet while they sleep, so that they can be restarted as if never begun. Calls that would return half done
 * are excluded.
 */
#pragma once

#include "base/arch.h"

/* Parses the text of /proc/PID/syscall. -EINVAL: malformed. 0: running, or in no call. 1: asleep in *ret. */
int restartable_parse(const char *text, struct blocked_call *ret);

bool restartable_call(const struct blocked_call *call);

/* Does the call replace the thread's signal mask until it returns? */
bool restartable_replaces_mask(const struct blocked_call *call);
