// SPDX-License-Identifier: LGPL-2.1-or-later
/* See lock_ops.h. */
#include "bpf/lock_ops.h"

const struct lock_op lock_ops[MSEALD_LOCK_OP_COUNT] = {
	[MSEALD_LOCK_OP_MAP] = { "map", "a descriptor of a map", true },
	[MSEALD_LOCK_OP_PROGRAM] = { "program", "a descriptor of a program", true },
	[MSEALD_LOCK_OP_LINK] = { "link", "a descriptor of a link", true },
	[MSEALD_LOCK_OP_LOAD] = { "load", "loading a program that could undo the lock", false },
	[MSEALD_LOCK_OP_SWITCH] = { "switch", "writing to the switch of ftrace", false },
	[MSEALD_LOCK_OP_PIN] = { "pin", "changing the pins", false },
	[MSEALD_LOCK_OP_MOUNT] = { "mount", "unmounting or covering the pins", false },
	[MSEALD_LOCK_OP_TRACE] = { "trace", "tracing mseald", false },
	[MSEALD_LOCK_OP_LIMIT] = { "limit", "changing a limit of mseald", false },
	[MSEALD_LOCK_OP_SIGNAL] = { "signal", "a signal to mseald", true },
};
