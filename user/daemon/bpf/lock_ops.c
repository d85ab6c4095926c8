// SPDX-License-Identifier: LGPL-2.1-or-later
/* See lock_ops.h. */
#include "bpf/lock_ops.h"

#include "lib/base/util.h"

static const struct {
	const char *name, *phrase;
	bool ordinary;
} words[] = {
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

_Static_assert(ELEMENTS(words) == MSEALD_LOCK_OP_COUNT, "words for each operation");

const char *lock_op_name(enum mseald_lock_op op)
{
	return words[op].name;
}

const char *lock_op_phrase(enum mseald_lock_op op)
{
	return words[op].phrase;
}

bool lock_op_is_ordinary(enum mseald_lock_op op)
{
	return words[op].ordinary;
}
