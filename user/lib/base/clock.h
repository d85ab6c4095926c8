/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clocks of the system. */
#pragma once

#include "lib/base/util.h"

#define NS_PER_SECOND 1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = {};

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* CLOCK_MONOTONIC in microseconds, the unit of sd-event. */
static inline uint64_t monotonic_us(void)
{
	return clock_ns(CLOCK_MONOTONIC) / NS_PER_US;
}
