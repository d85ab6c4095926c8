/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations that the lock denies, as words and phrases. */
#ifndef MSEALD_BPF_LOCK_OPS_H
#define MSEALD_BPF_LOCK_OPS_H

#include <stdbool.h>

#include "mseald/lock.h"

/* A word for machines: "pin". A phrase for messages: "changing the pins". Static. */
const char *lock_op_name(enum mseald_lock_op op);
const char *lock_op_phrase(enum mseald_lock_op op);
/* Is the operation also part of the everyday work of systemd, bpftool or a monitor? */
bool lock_op_is_ordinary(enum mseald_lock_op op);

#endif
