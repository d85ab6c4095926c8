/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a gate let slip, and what a gate by kill has let happen. Gates that are
 * no LSM programs can be raced where the kernel preempts (docs/design.md,
 * Gates); the kernel counts the runs that it skipped. A process whose sealed
 * memory is gone is not to go on: its address space is doomed, which nobody can
 * leave by a fork (bpf/lifecycle.bpf.c), until nobody is left in it.
 */
#ifndef MSEALD_INTEGRITY_H
#define MSEALD_INTEGRITY_H

#include "daemon.h"

/*
 * Compares every seal that denies unmapping with the mappings there are, and
 * dooms each address space where one is not wholly mapped. Logs.
 */
void integrity_check(struct daemon *daemon);

/*
 * Kills every process that shares a doomed address space: the programs' signal
 * does not reach those made by clone(CLONE_VM). True: somebody was alive, so it
 * is to be called again soon.
 */
bool integrity_end_doomed(struct daemon *daemon);

#endif
