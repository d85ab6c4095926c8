/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits the log lines of attempts, so that a process that tries 100,000 times a second does not displace the
 * lines of others. Counts lines logged and suppressed, in one window of time; uses neither clock nor log.
 */
#pragma once

#include "lib/base/util.h"
#include "mseald/lock.h"
#include "mseald/shared.h"

#define RATELIMIT_WINDOW_US (60ull * 1000 * 1000)
#define RATELIMIT_LINES_PROCESS 200u /* per window */
#define RATELIMIT_LINES_USER 500u    /* for all processes of one user id */
#define RATELIMIT_LINES_ALL 1000u
#define RATELIMIT_SLOTS 2048u

struct ratelimit_process {
	uint64_t start_time;
	uint32_t tgid;
	uint32_t lines;	     /* 0: a free slot */
	uint64_t suppressed; /* by its own limit */
	char comm[MSEALD_COMM_LEN];
};

struct ratelimit_user {
	uint32_t uid;
	uint32_t lines; /* 0: a free slot */
};

/* Zeroed: a new window. */
struct ratelimit {
	uint32_t lines;	     /* 0: the window has not begun */
	uint64_t suppressed; /* by the limits for users and for all */
	/* Open hashes; more than half of each stays free. */
	struct ratelimit_process processes[RATELIMIT_SLOTS];
	struct ratelimit_user users[RATELIMIT_SLOTS];
};

/* May this attempt have a line? Counts it either way. */
bool ratelimit_allow(struct ratelimit *ratelimit, const struct mseald_event *event);
/* The next process with suppressed lines, from *position on (first 0); NULL: no more. */
const struct ratelimit_process *ratelimit_next(const struct ratelimit *ratelimit, size_t *position);

/*
 * Denials by the lock in one window of time. RATELIMIT_CALLERS callers of each operation have one line each
 * in the log; all other denials are counted. A program that lists all maps is denied each map of mseald, and
 * such ordinary denials must not hide denials of other operations.
 */
#define RATELIMIT_DENIALS_WINDOW_US (600ull * 1000 * 1000)
#define RATELIMIT_CALLERS 16u /* with a line, for each operation */

struct ratelimit_caller {
	uint64_t start_time;
	uint32_t tgid;
	char comm[16];
	uint64_t more; /* denials after the one with a line */
};

struct ratelimit_op {
	uint32_t callers;
	uint64_t others; /* denials of processes without a slot */
	struct ratelimit_caller list[RATELIMIT_CALLERS];
};

/* Zeroed: a new window. */
struct ratelimit_denials {
	bool begun; /* the window has begun */
	struct ratelimit_op list[MSEALD_LOCK_OP_COUNT];
};

/* May this denial have a line? Counts it either way. */
bool ratelimit_allow_denial(struct ratelimit_denials *denials, const struct mseald_lock_denial *denial);
