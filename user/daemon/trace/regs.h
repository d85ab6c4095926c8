/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registers of a stopped thread, as far as making it do a system call and
 * go on unnoticed needs to know them: the part of the native gate that differs
 * between x86-64 and arm64.
 */
#ifndef MSEALD_TRACE_REGS_H
#define MSEALD_TRACE_REGS_H

#include <sys/user.h>

#include "lib/base/util.h"

/* Kernel-internal: the call is made again unless a handler runs (include/linux/errno.h). */
#define REGS_ERESTARTNOHAND 514
#define REGS_ERESTARTSYS 512		/* the first of these, and ERESTART_RESTARTBLOCK, the last */
#define REGS_ERESTART_LAST 516

/* What the call was that the thread was in when it was stopped (/proc/PID/syscall, proc_pid_syscall(5)). */
struct blocked_call {
	long number;		/* -1: in none */
	uint64_t arguments[6];
	uint64_t sp, pc;	/* pc: where it goes on in its own code */
};

#if defined(__x86_64__)
#include "trace/regs_x86_64.h"
#elif defined(__aarch64__)
#include "trace/regs_aarch64.h"
#else
#error "the native gate knows x86-64 and arm64"
#endif

#endif
