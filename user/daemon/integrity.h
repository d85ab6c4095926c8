/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a gate let slip. Gates that are no LSM programs can be raced where the
 * kernel preempts (docs/design.md, Gates); the kernel counts the runs that it
 * skipped. Nothing can be put where a seal was, but a process whose sealed
 * memory is gone is not to go on.
 */
#ifndef MSEALD_INTEGRITY_H
#define MSEALD_INTEGRITY_H

#include "daemon.h"

/*
 * Compares every seal that denies unmapping with the mappings there are, and
 * kills whatever shares an address space where one is not wholly mapped. Logs.
 */
void integrity_check(struct daemon *daemon);

#endif
