/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In a tracer: lets a process that is about to exec do so, and holds what it
 * runs then at its entry point, until the daemon has sealed it - or ends it.
 */
#ifndef MSEALD_TRACE_LAUNCH_TRACER_H
#define MSEALD_TRACE_LAUNCH_TRACER_H

#include "trace/launch_steps.h"

/* Only stdio and the order's descriptors are left open. */
void launch_trace(const struct launch_order *order) __attribute__((noreturn));

#endif
