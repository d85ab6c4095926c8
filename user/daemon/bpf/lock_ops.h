/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations that the lock denies, as words and phrases. */
#pragma once

#include <stdbool.h>

#include "mseald/lock.h"

extern const struct lock_op {
	const char *name;   /* a word for machines: "pin" */
	const char *phrase; /* for messages: "changing the pins" */
	bool ordinary;	    /* also part of the everyday work of systemd, bpftool or a monitor */
} lock_ops[MSEALD_LOCK_OP_COUNT];
