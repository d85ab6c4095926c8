/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Perf events with sigtrap: a SIGTRAP for one thread when it is in its own code at some tick, or reaches an
 * instruction of it. Only the tracer of the thread may see the signal, and it must not stay behind: hence
 * perf_trap_disarm().
 */
#pragma once

#include "lib/base/util.h"

#define PERF_TRAP_DATA UINT64_C(0x6d7365616c642121) /* si_perf_data of its signal */

struct perf_trap {
	int fd;
	void *page; /* perf's ring buffer, not empty once the event has fired */
	size_t size;
};

#define PERF_TRAP_NONE \
	{ \
		.fd = -1 \
	}

/* Each fires at most once. Negative errno: no such events here, or all are in use. */
int perf_trap_at_tick(pid_t tid, struct perf_trap *ret);
int perf_trap_at(pid_t tid, uint64_t instruction, struct perf_trap *ret);

/* Prevents the event from firing. Has it fired? Then a SIGTRAP is pending, or has been seen. */
bool perf_trap_disarm(struct perf_trap *trap); /* takes PERF_TRAP_NONE, leaves it so */
