/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A puppet is a process (or thread) that makes system calls at the test's request, one at a time. It is both
 * victim and attacker of the tests. The test sees the result from outside, even if the puppet was killed. It
 * is a fork of the test program: functions and data have the same addresses in both. A bare syscall
 * instruction makes the calls.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "channel.h"
#include "page.h"

struct puppet {
	pid_t pid; /* of its thread group */
	pid_t tid;
	struct channel *channel;
	struct puppet *leader; /* leader of its thread group; itself unless it is a thread */
	bool dead;
	bool is_32; /* a 32-bit process: all its calls are 32-bit */
	int status; /* of waitpid(), once dead */
};

/* Returned instead of a result when the puppet has died. */
#define PUPPET_DEAD LONG_MIN

typedef long (*puppet_function)(const long arguments[6]);

/* A new process. */
struct puppet *puppet_new(void);
/* A new 32-bit process: it can make system calls, but runs no functions (-ENOSYS) and has no children. */
struct puppet *puppet_new_32(void);

/*
 * The puppet calls clone(2) with these flags; the new process is also a puppet. Without CLONE_THREAD it
 * becomes a child of the test (CLONE_PARENT), so that its end can be seen. NULL: clone failed, *ret_error is
 * a negative errno.
 */
struct puppet *puppet_clone(struct puppet *of, unsigned long flags, long *ret_error);

/*
 * One system call: number, then up to six arguments. Returns the kernel's result (a negative errno for an
 * error), or PUPPET_DEAD.
 */
#define puppet_call(puppet, ...) puppet_call_((puppet), (const long[7]){ __VA_ARGS__ })
long puppet_call_(struct puppet *puppet, const long call[7]);
/* The same by int 0x80; number and arguments are those of the 32-bit ABI. */
#define puppet_call_32(puppet, ...) puppet_call_32_((puppet), (const long[7]){ __VA_ARGS__ })
long puppet_call_32_(struct puppet *puppet, const long call[7]);

/* A function of the test program, run inside the puppet; its result, or PUPPET_DEAD. */
#define puppet_run(puppet, function, ...) \
	(puppet_start_((puppet), (function), (const long[6]){ __VA_ARGS__ }), puppet_result(puppet))
/* The same in two steps, so that several can run at a time. */
#define puppet_start(puppet, function, ...) \
	puppet_start_((puppet), (function), (const long[6]){ __VA_ARGS__ })
void puppet_start_(struct puppet *puppet, puppet_function function, const long arguments[6]);
long puppet_result(struct puppet *puppet);

/*
 * The puppet executes the test program anew and continues as a puppet (only for puppet_call; addresses differ
 * now). 0, a negative errno, or PUPPET_DEAD.
 */
long puppet_exec(struct puppet *puppet);
/* Call this first in main(): it does not return in such an image. */
void puppet_main(int argc, char **argv);

/* PUPPET_DATA_SIZE shared bytes, at the same address below 4 GiB, for arguments passed by pointer. */
void *puppet_data(const struct puppet *puppet);

/* Has it died by now (or within milliseconds)? Sets status. */
bool puppet_died(struct puppet *puppet, int milliseconds);
/* Kills it, waits for its end and frees it (a thread is only freed). Takes NULL, returns NULL. */
struct puppet *puppet_end(struct puppet *puppet);

/* For puppet_run(): the byte at the first argument, read by a call without a fault; or -EFAULT. */
long puppet_peek(const long arguments[6]);

/* A result in words: "ok 5", "EPERM", "killed by SIGKILL"; static buffer. */
const char *puppet_text(const struct puppet *puppet, long result);

/* The bare system call, for functions that run inside a puppet. */
/* A call by int 0x80: eax, ebx, ecx, edx, esi, edi, ebp; its 32-bit result. -ENOSYS: there is none here. */
uint32_t int_80(const int64_t call[7]);

long raw_call(long number, long a, long b, long c, long d, long e, long f);
#define RAW(...) RAW_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define RAW_(n, a, b, c, d, e, f, ...) \
	raw_call((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* By int 0x80 if compat; number and arguments are still 64-bit ones. */
long raw_call_by(bool compat, long number, long a, long b, long c, long d, long e, long f);
#define RAW_BY(...) RAW_BY_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define RAW_BY_(compat, n, a, b, c, d, e, f, ...) \
	raw_call_by((compat), (n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* Sleeps. */
void nap(int milliseconds);
