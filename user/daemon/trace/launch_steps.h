/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process held by a tracer that also listens to the daemon; the steps of launch_tracer.c. */
#pragma once

#include "trace/exec_image.h"
#include "trace/launch.h"
#include "trace/remote_syscall.h"

struct launch_order {
	pid_t pid;
	int pidfd;
	uid_t uid; /* its owner must be this user; 0: any */
	int fd;	   /* to the daemon */
};

struct launch_tracer {
	const struct launch_order *order;
	struct tracee tracee;
	struct exec_image image;
	int changes;		       /* signalfd: the process may have stopped, or ended */
	bool hidden;		       /* it has blocked SIGTRAP, which is unblocked for now */
	bool owed;		       /* a foreign SIGTRAP came meanwhile */
	bool protecting;	       /* it is in the mprotect of its RELRO */
	enum remote_answer unable;     /* why it cannot make calls; or ANSWER_SEALED */
	struct launch_message message; /* last message of the daemon, and its data */
	union {
		char more[REMOTE_SYSCALL_MAX_RANGES * sizeof(struct range)];
		struct range ranges[REMOTE_SYSCALL_MAX_RANGES];
	};
	size_t more_size;
};

enum launch_happening { LAUNCH_STOPPED, LAUNCH_MESSAGE, LAUNCH_NOTHING };

/* Waits for its next stop (*ret_status) or a message of the daemon. Ends as the process ends. */
enum launch_happening launch_next(struct launch_tracer *tracer, int milliseconds, int *ret_status);

/* The process is gone, or out of control: then kills it, and exits. */
void launch_ended(const struct launch_tracer *tracer) __attribute__((noreturn));
/* Checks a result of ptrace(2): an error means that the process has been killed, or cannot be continued. */
void launch_must(const struct launch_tracer *tracer, int r);

/* Is it a stop of its group by job control? */
bool launch_is_group_stop(int status);

/* Continues it from a stop as if it were not traced. 1: it is stopped at the trap. */
int launch_pass_on(struct launch_tracer *tracer, int status, int how);

/* Stops it in get_signal(), wherever it was. False: not in time, or it has had an exec. */
bool launch_stop(struct launch_tracer *tracer, int milliseconds);

/* Makes it print the reason on stderr and exit with status 1, wherever it is; or, failing that, kills it. */
void launch_end_unsealed(struct launch_tracer *tracer, const char *why) __attribute__((noreturn));
