/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other holders of locked objects: descriptors that were got before the lock was taken, programs that
 * refer to a map of ours.
 */
#ifndef MSEALD_BPF_LOCK_HOLDERS_H
#define MSEALD_BPF_LOCK_HOLDERS_H

#include "mseald/lock.h"
#include "lock.skel.h"

/*
 * 0: nobody. -EBUSY: there are, and why names them and what they hold. Or another negative
 * errno. Waits some seconds for programs of an earlier mseald, which the kernel frees in its own time.
 */
int lock_holders_find(struct lock_bpf *skeleton, char why[256]);

#endif
