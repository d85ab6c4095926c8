/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The states of a process's threads, and the choice of one that the native gate (native.h) can use. */
#pragma once

#include "process/target.h"
#include "trace/restartable.h"

enum doing {
	DOING_OTHER, /* or gone */
	DOING_SLEEP, /* in a restartable call, or stopped by job control */
	DOING_RUN,   /* in its own code, as far as visible */
};

/* *ret_call: the call in which it sleeps; number -1: none. */
enum doing thread_look_at(const struct target *target, pid_t tid, struct blocked_call *ret_call);

/* Does it still sleep in that call? An identical later call is as good. */
bool thread_still_in(const struct target *target, pid_t tid, const struct blocked_call *call);

/*
 * The try-th best thread: sleepers first, then runners, none that another process traces. 0: none can be
 * stopped now; *ret_traced: because one is traced.
 */
pid_t thread_pick(const struct target *target, const struct mseald_task *tasks, size_t count, unsigned try,
		  bool *ret_traced);

/* The tracer of a thread; 0: none, or the thread is gone. */
pid_t thread_tracer(const struct target *target, pid_t tid);

/* Reads a file of /proc/PID/task/TID as a string, truncated to fit. Negative errno. */
int thread_read_file(const struct target *target, pid_t tid, const char *name, char *text, size_t size);
