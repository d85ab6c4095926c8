/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why something of a process that a policy applies to is not sealed yet, or was sealed late. */
#ifndef MSEALD_POLICY_LEFT_H
#define MSEALD_POLICY_LEFT_H

#include "bpf/programs.h"

/* The first ones are enum mseald_left. */
enum left {
	LEFT_RELRO = MSEALD_LEFT_COUNT, /* the program's own RELRO was not seen; the last of state.ended */
	LEFT_POLICY,			/* the kernel cannot decide on the policy, or not apply it */
	LEFT_TRACED,
	LEFT_FOUND,			/* it began before the policy, or before mseald */
	LEFT_START_COUNT,		/* those above: why a start was sealed late */
	LEFT_SETTLE = LEFT_START_COUNT, /* a RELRO is still open: Settle= */
	LEFT_FAILED,
	LEFT_LIBRARY, /* loaded after the start */
	LEFT_GATE,    /* its seals deny less than the policy says: the kernel could only kill for the rest */
	LEFT_PID1,    /* deny bits that pid 1 could only be killed for, and nothing kills it */
	LEFT_COUNT,
	LEFT_NOTHING = LEFT_COUNT,
};

/* One word, a string constant; NULL for LEFT_NOTHING. */
const char *left_name(unsigned left);

/* What the kernel has left of a start, and why. watched: of this key; NULL: it is not watched. */
unsigned left_by_kernel(struct programs *programs, uint64_t key, pid_t pid,
			const struct mseald_watched *watched);

#endif
