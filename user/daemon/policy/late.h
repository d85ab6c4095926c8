/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts that were sealed late, by reason and by delay, since this daemon started. */
#pragma once

#include "policy/left.h"

#define LATE_DELAYS 11

struct late {
	__u64 processes[LEFT_START_COUNT];
	uint64_t delays[LATE_DELAYS + 1]; /* by time from exec until sealed: up to each bound; longer */
	uint64_t delays_us;		  /* sum of all delays */
};

extern const uint32_t late_bounds[LATE_DELAYS]; /* microseconds */

/*
 * Counts a start that was sealed so many microseconds after the exec. left: enum left; reasons that are not
 * for starts do not count.
 */
void late_count(struct late *late, unsigned left, uint64_t delay);
