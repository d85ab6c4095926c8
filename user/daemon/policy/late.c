// SPDX-License-Identifier: LGPL-2.1-or-later
/* See late.h. */
#include "policy/late.h"

const uint32_t late_bounds[LATE_DELAYS] = {
	1000, 3000, 10000, 30000, 100000, 300000, 1000000, 3000000, 10000000, 30000000, 60000000,
};

void late_count(struct late *late, unsigned left, uint64_t delay)
{
	size_t i = 0;

	if (left >= LEFT_START_COUNT)
		return;
	late->processes[left]++;
	/* It was found later: the time of its start is unknown. */
	if (left == LEFT_FOUND)
		return;
	while (i < LATE_DELAYS && delay > late_bounds[i])
		i++;
	late->delays[i]++;
	late->delays_us += delay;
}
