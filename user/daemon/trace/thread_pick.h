/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the threads of a process are doing, and which of them the native gate (native.h) can use. */
#ifndef MSEALD_TRACE_THREAD_PICK_H
#define MSEALD_TRACE_THREAD_PICK_H

#include "process/target.h"
#include "trace/restartable.h"

enum doing {
	DOING_OTHER, /* or gone */
	DOING_SLEEP, /* in a call that can simply be made again, or stopped by job control */
	DOING_RUN,   /* in its own code, as far as can be seen */
};

/* *ret_call: what it sleeps in; number -1: in no call. */
enum doing thread_look_at(const struct target *target, pid_t tid, struct blocked_call *ret_call);

/* Does it still sleep in that call? Should it be another one just like it, that is as good. */
bool thread_still_in(const struct target *target, pid_t tid, const struct blocked_call *call);

/*
 * The try-th best thread: sleepers first, then runners, none that another traces. 0: none can be
 * stopped now; *ret_traced: because one is traced.
 */
pid_t thread_pick(const struct target *target, const struct mseald_task *tasks, size_t count, unsigned try,
		  bool *ret_traced);

/* Who traces it; 0: nobody, or it is gone. */
pid_t thread_tracer(const struct target *target, pid_t tid);

/* A file of /proc/PID/task/TID as a string, cut to what fits. Negative errno. */
int thread_read_file(const struct target *target, pid_t tid, const char *name, char *text, size_t size);

#endif
