/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why part of a process that a policy applies to is not sealed yet, or was sealed late. */
#pragma once

#include "bpf/programs.h"

/* The first ones are enum mseald_left. */
enum left {
	LEFT_RELRO = MSEALD_LEFT_COUNT, /* the program's own RELRO was not seen; last of state.ended */
	LEFT_POLICY,			/* the kernel cannot decide on the policy, or cannot apply it */
	LEFT_TRACED,
	LEFT_FOUND,			/* started before the policy, or before mseald */
	LEFT_START_COUNT,		/* reasons above: a start was sealed late */
	LEFT_SETTLE = LEFT_START_COUNT, /* a RELRO is still writable: Settle= */
	LEFT_FAILED,
	LEFT_LIBRARY, /* loaded after the start */
	LEFT_GATE,    /* seals deny less than the policy: the kernel could only kill for the rest */
	LEFT_PID1,    /* deny bits that only a kill enforces, and pid 1 cannot be killed */
	LEFT_COUNT,
	LEFT_NOTHING = LEFT_COUNT,
};

/* A word, a string constant; NULL for LEFT_NOTHING. */
const char *left_name(unsigned left);

/* Why the kernel left part of a start to the daemon. watched: of this key; NULL: not watched. */
unsigned left_by_kernel(struct programs *programs, uint64_t key, pid_t pid,
			const struct mseald_watched *watched);
