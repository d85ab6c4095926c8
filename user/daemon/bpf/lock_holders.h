/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other holders of locked objects: descriptors obtained before the lock was taken, and programs that refer to
 * a map of mseald.
 */
#pragma once

#include "mseald/lock.h"
#include "lock.skel.h"

/*
 * 0: no other holder. -EBUSY: why names the holders and their objects. Or another negative errno. Waits some
 * seconds for programs of an earlier mseald, which the kernel frees with a delay.
 */
int lock_holders_find(struct lock_bpf *skeleton, char why[256]);
