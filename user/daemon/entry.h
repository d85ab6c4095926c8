/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In a tracer: lets a process that is about to exec do so, and holds what it
 * runs then at its entry point, until the daemon has sealed it - or ends it.
 */
#ifndef MSEALD_ENTRY_H
#define MSEALD_ENTRY_H

#include "holding.h"

/* Only stdio and the order's descriptors are left open. */
void entry_hold(const struct entry_order *order) __attribute__((noreturn));

#endif
