/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes that kept a helper of the daemon waiting. A helper may wait for ever, for a user's FUSE server,
 * and then not even SIGKILL ends it. So a user has at most one that waits; root has one for each process.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define OVERDUE_MAX 16 /* helpers that wait, of all users */

struct overdue {
	const uint64_t pause_us; /* as long as this, a helper is not tried again */
	struct overdue_entry {
		uint32_t account;
		pid_t pid;
		uint64_t until; /* microseconds, CLOCK_MONOTONIC */
		int end;	/* becomes readable when the helper has ended */
		bool used;
	} entries[OVERDUE_MAX];
};

/* Is no helper to be asked about this process? account: see struct target. */
bool overdue_is(struct overdue *overdue, uint32_t account, pid_t pid);

/* The helper asked about this process has not answered in time. Takes end. */
void overdue_note(struct overdue *overdue, uint32_t account, pid_t pid, int end);
