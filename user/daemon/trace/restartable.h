/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which system calls a sleeping thread can be stopped in without its ever
 * noticing: those that have done nothing yet while they sleep, so that they are
 * made again as if they had never begun. Not those that would return half done.
 */
#ifndef MSEALD_TRACE_RESTARTABLE_H
#define MSEALD_TRACE_RESTARTABLE_H

#include "base/arch.h"

/*
 * The call as /proc/PID/syscall (its text) shows it. -EINVAL: not such a text. 0: running, or in no
 * call. 1: asleep in *ret.
 */
int restartable_parse(const char *text, struct blocked_call *ret);

bool restartable_call(const struct blocked_call *call);

/* Has it put another signal mask in place of the thread's own, until it returns? */
bool restartable_replaces_mask(const struct blocked_call *call);

#endif
