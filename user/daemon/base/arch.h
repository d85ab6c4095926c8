/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What differs by architecture in user space. arch_NAME.h has all of it, and no other file of user/
 * has any; for the BPF programs it is bpf/arch.h, for both mseald/syscall_entry.h.
 *
 *   ARCH_VM_PKEY      the VMA flags of a protection key other than that of all memory
 *   ARCH_AUDIT_32     what marks a 32-bit call: AUDIT_ARCH_* of linux/audit.h
 *   ARCH_MPROTECT_32  the number of mprotect as such
 *   arch_call_32()    makes a harmless 32-bit call from 64-bit code, which faults where the kernel
 *                     takes none; where 64-bit code cannot make one, it does nothing
 *   struct regs, regs_*   the registers of a stopped thread, as far as making it do a system call and
 *                     go on unnoticed needs to know them
 */
#ifndef MSEALD_BASE_ARCH_H
#define MSEALD_BASE_ARCH_H

#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/user.h>

/* Kernel-internal: the call is made again unless a handler runs (include/linux/errno.h). */
#define REGS_ERESTARTNOHAND 514
#define REGS_ERESTARTSYS 512 /* the first of these, and ERESTART_RESTARTBLOCK, the last */
#define REGS_ERESTART_LAST 516

/* What the call was that the thread was in when it was stopped (/proc/PID/syscall, proc_pid_syscall(5)). */
struct blocked_call {
	long number; /* -1: in none */
	uint64_t arguments[6];
	uint64_t sp, pc; /* pc: where it goes on in its own code */
};

#if defined(__x86_64__)
#include "base/arch_x86_64.h"
#elif defined(__aarch64__)
#include "base/arch_aarch64.h"
#else
#error "no base/arch header for this architecture"
#endif

#endif
