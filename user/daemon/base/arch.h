/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything in user space that depends on the architecture. arch_NAME.h defines it, and no other file of
 * user/ has any. The BPF programs have bpf/arch.h; both share mseald/syscall_entry.h.
 *
 *   ARCH_VM_PKEY      the VMA flags of a protection key other than the default key
 *   ARCH_AUDIT, ARCH_AUDIT_32   identify a call, and a 32-bit call: AUDIT_ARCH_* of linux/audit.h
 *   ARCH_MPROTECT_32  the number of mprotect as a 32-bit call
 *   arch_call_32()    makes a harmless 32-bit call from 64-bit code. It faults if the kernel accepts no
 *                     32-bit calls, and does nothing if 64-bit code cannot make one
 *   arch_skip_call(tid)  makes a thread that is stopped at the begin of a call make none
 *   struct regs, regs_*   the registers of a stopped thread, as needed to make it do a system call and
 *                     continue unnoticed
 */
#pragma once

#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>

/* Kernel-internal: the call is restarted unless a handler runs (include/linux/errno.h). */
#define REGS_ERESTARTNOHAND 514
#define REGS_ERESTARTSYS 512	       /* the first of these */
#define REGS_ERESTART_RESTARTBLOCK 516 /* the last: it goes on as restart_syscall(2) */

/* The call that the thread was in when it was stopped (/proc/PID/syscall, proc_pid_syscall(5)). */
struct blocked_call {
	long number; /* -1: no call */
	uint64_t arguments[6];
	uint64_t sp, pc; /* pc: where it continues in its own code */
};

#if defined(__x86_64__)
#include "base/arch_x86_64.h"
#elif defined(__aarch64__)
#include "base/arch_aarch64.h"
#else
#error "no base/arch header for this architecture"
#endif
