/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One system call inside another process, without its knowledge. Its thread is stopped by ptrace, makes the
 * call by a syscall instruction of its own, and continues unchanged. So attacks can come from inside
 * unmodified programs.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct injection {
	bool killed; /* the call killed it; status is that of waitpid() */
	int status;
	long result; /* what the kernel returned: a negative errno for an error */
};

/* pid: of the thread. 0, or a negative errno if the call could not be made. */
int inject_call(pid_t pid, long number, const long arguments[6], struct injection *ret);
