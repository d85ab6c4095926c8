/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Perf events with sigtrap: a SIGTRAP for one thread, when it is in its own
 * code at some tick, or comes to an instruction of it. Only the tracer of the
 * thread sees it, and it must not be left behind: hence perf_trap_disarm().
 */
#ifndef MSEALD_TRACE_PERF_TRAP_H
#define MSEALD_TRACE_PERF_TRAP_H

#include "lib/base/util.h"

#define PERF_TRAP_DATA UINT64_C(0x6d7365616c642121) /* si_perf_data of its signal */

struct perf_trap {
	int fd;
	void *page; /* of perf's ring buffer, in which there is something once it has gone off */
	size_t size;
};

#define PERF_TRAP_NONE \
	{ \
		.fd = -1 \
	}

/* Both go off once at most. Negative errno: no such events here, or all are in use. */
int perf_trap_at_tick(pid_t tid, struct perf_trap *ret);
int perf_trap_at(pid_t tid, uint64_t instruction, struct perf_trap *ret);

/*
 * It does not go off any more. Has it? Then a SIGTRAP is on its way, or has
 * been seen already.
 */
bool perf_trap_disarm(struct perf_trap *trap); /* takes PERF_TRAP_NONE, leaves it so */

#endif
