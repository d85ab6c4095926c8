/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations that the lock denies, in words. */
#ifndef MSEALD_BPF_LOCK_OPS_H
#define MSEALD_BPF_LOCK_OPS_H

#include <stdbool.h>

#include "mseald/lock.h"

/* One word, for machines: "pin". What was denied, for people: "changing the pins". Static. */
const char *lock_op_name(enum mseald_lock_op op);
const char *lock_op_phrase(enum mseald_lock_op op);
/* Is it what systemd, bpftool or a monitor does in its everyday work too? */
bool lock_op_is_ordinary(enum mseald_lock_op op);

#endif
