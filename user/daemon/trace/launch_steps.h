/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process in the hands of a tracer that listens to the daemon meanwhile; what
 * launch_tracer.c is made of.
 */
#ifndef MSEALD_TRACE_LAUNCH_STEPS_H
#define MSEALD_TRACE_LAUNCH_STEPS_H

#include "trace/exec_image.h"
#include "trace/launch.h"
#include "trace/remote_syscall.h"

struct launch_order {
	pid_t pid;
	int pidfd;
	uid_t uid; /* whose it must be; 0: anybody's */
	int fd;	   /* to the daemon */
};

struct launch_tracer {
	const struct launch_order *order;
	struct tracee tracee;
	struct exec_image image;
	int changes;		       /* signalfd: it may have stopped, or ended */
	bool hidden;		       /* it has blocked SIGTRAP, and does not now */
	bool owed;		       /* somebody else's SIGTRAP came meanwhile */
	bool protecting;	       /* it is in the mprotect of its RELRO */
	enum remote_answer unable;     /* why it cannot be made to call anything; or ANSWER_SEALED */
	struct launch_message message; /* the last one of the daemon, and what followed it */
	union {
		char more[REMOTE_SYSCALL_MAX_RANGES * sizeof(struct range)];
		struct range ranges[REMOTE_SYSCALL_MAX_RANGES];
	};
	size_t more_size;
};

enum launch_happening { LAUNCH_STOPPED, LAUNCH_MESSAGE, LAUNCH_NOTHING };

/*
 * Its next stop (*ret_status) or the next message of the daemon, whichever comes first. Should it end,
 * so does the tracer.
 */
enum launch_happening launch_next(struct launch_tracer *tracer, int milliseconds, int *ret_status);

/* It is no longer there, or not in our hands: then it must not be there. */
void launch_ended(const struct launch_tracer *tracer) __attribute__((noreturn));
/* What ptrace(2) says: an error for one that has been killed, or for nothing that we could go on with. */
void launch_must(const struct launch_tracer *tracer, int r);

/* Is it the stop of a group that job control has stopped? */
bool launch_is_group_stop(int status);

/* Lets it go on from a stop as it would without us. 1: it is stopped at our trap. */
int launch_pass_on(struct launch_tracer *tracer, int status, int how);

/* Stops it in get_signal(), wherever it was; false: not in time, or it has had an exec. */
bool launch_stop(struct launch_tracer *tracer, int milliseconds);

/* Wherever it is, it says why on its standard error, and ends with status 1; if it cannot, it is killed. */
void launch_end_unsealed(struct launch_tracer *tracer, const char *why) __attribute__((noreturn));

#endif
