/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A puppet is a process (or thread) that makes the system calls the test asks
 * it to make, one at a time, and so is the victim and the attacker of the
 * tests: the test sees from outside what came of it, also when it was killed.
 * It is a fork of the test program: functions and data have the same
 * addresses in both. The calls are made by a bare syscall instruction.
 */
#ifndef MSEALD_TESTS_PUPPET_H
#define MSEALD_TESTS_PUPPET_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "channel.h"

#define PAGE 4096ul

struct puppet {
	pid_t pid; /* of its thread group */
	pid_t tid;
	struct channel *channel;
	struct puppet *leader; /* of its thread group; itself when it is no thread */
	bool dead;
	bool is_32; /* a 32-bit process: all of its calls are 32-bit ones */
	int status; /* of waitpid(), once dead */
};

/* In place of a result when the puppet died instead of giving one. */
#define PUPPET_DEAD LONG_MIN

typedef long (*puppet_function)(const long arguments[6]);

/* A new process. */
struct puppet *puppet_new(void);
/* A new 32-bit process: it can make system calls, but runs no functions (-ENOSYS) and begets nobody. */
struct puppet *puppet_new_32(void);

/*
 * The puppet calls clone(2) with these flags; the new one is a puppet as well.
 * Without CLONE_THREAD it is made a child of the test (CLONE_PARENT), so that
 * its end can be seen. NULL when clone failed: *ret_error, a negative errno.
 */
struct puppet *puppet_clone(struct puppet *of, unsigned long flags, long *ret_error);

/*
 * One system call: number, then up to six arguments. Returns what the kernel
 * returned (a negative errno for an error), or PUPPET_DEAD.
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
 * The puppet becomes a fresh image of the test program and goes on as a puppet
 * (for puppet_call only; addresses differ now). 0, a negative errno, or PUPPET_DEAD.
 */
long puppet_exec(struct puppet *puppet);
/* To be called first in main(): does not return in such an image. */
void puppet_main(int argc, char **argv);

/*
 * PUPPET_DATA_SIZE bytes that both share, at the same address below 4 GiB, for arguments passed by
 * pointer.
 */
void *puppet_data(const struct puppet *puppet);

/* Whether it has died by now (or within milliseconds); sets status. */
bool puppet_died(struct puppet *puppet, int milliseconds);
/* Kills it, waits for its end and frees it (a thread is only freed). Takes NULL, returns NULL. */
struct puppet *puppet_end(struct puppet *puppet);

/* "ok 5", "EPERM", "killed by SIGKILL": a result in words; static buffer. */
const char *puppet_text(const struct puppet *puppet, long result);

/* The bare system call, for functions that run inside a puppet. */
long raw_call(long number, long a, long b, long c, long d, long e, long f);
#define RAW(...) RAW_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define RAW_(n, a, b, c, d, e, f, ...) \
	raw_call((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* By int 0x80 if asked to: a 64-bit number and arguments all the same. */
long raw_call_by(bool compat, long number, long a, long b, long c, long d, long e, long f);
#define RAW_BY(...) RAW_BY_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define RAW_BY_(compat, n, a, b, c, d, e, f, ...) \
	raw_call_by((compat), (n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* Sleeps. */
void nap(int milliseconds);

#endif
