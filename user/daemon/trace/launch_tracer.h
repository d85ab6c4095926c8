/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs in a tracer: lets a process exec, and holds the new program at its entry point, until the daemon has
 * sealed it - or ends it.
 */
#pragma once

#include "trace/launch_steps.h"

/* Closes all descriptors but stdio and those of the order. */
void launch_trace(const struct launch_order *order) __attribute__((noreturn));
