/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arm64: the definitions that arch.h lists and includes. */
#pragma once

#include <elf.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#define ARCH_VM_PKEY (0x7ULL << 32) /* include/linux/mm.h, VM_PKEY_BIT0 and on: three bits, since 6.12 */

#define ARCH_AUDIT AUDIT_ARCH_AARCH64
#define ARCH_AUDIT_32 AUDIT_ARCH_ARM
#define ARCH_MPROTECT_32 125

/* Only a thread in 32-bit state can make a 32-bit call. */
static inline void arch_call_32(void)
{
}

struct regs {
	struct user_regs_struct r; /* NT_PRSTATUS: user_pt_regs */
};

static const unsigned char regs_instruction[] = { 0x01, 0x00, 0x00, 0xd4 }; /* svc #0 */

#define REGS_PSTATE_32BIT 0x10ull

static inline bool regs_64bit(const struct regs *regs, size_t size)
{
	return size == sizeof(regs->r) && !(regs->r.pstate & REGS_PSTATE_32BIT);
}

static inline uint64_t regs_ip(const struct regs *regs)
{
	return regs->r.pc;
}

static inline void regs_set_ip(struct regs *regs, uint64_t ip)
{
	regs->r.pc = ip;
}

static inline uint64_t regs_sp(const struct regs *regs)
{
	return regs->r.sp;
}

/* The kernel has overwritten the first argument: only *call, from before, has it. */
static inline void regs_get_call(const struct regs *regs, struct blocked_call *call)
{
	(void)regs;
	(void)call;
}

static inline void regs_set_call(struct regs *regs, uint64_t instruction, long number,
				 const uint64_t arguments[3])
{
	regs->r.pc = instruction;
	regs->r.regs[8] = (unsigned long)number;
	for (int i = 0; i < 3; i++)
		regs->r.regs[i] = arguments[i];
}

/* The number of the call is a regset of its own: the kernel has read x8 before the stop. */
static inline int arch_skip_call(pid_t tid)
{
	int number = -1;
	struct iovec buffer = { .iov_base = &number, .iov_len = sizeof(number) };

	return ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &buffer) < 0 ? -errno : 0;
}

static inline long regs_result(const struct regs *regs)
{
	return (long)regs->r.regs[0];
}

/* These return ERESTART_RESTARTBLOCK (kernel/time/hrtimer.c, kernel/futex/waitwake.c). */
static inline bool call_has_timeout(const struct blocked_call *call)
{
	long command = (long)call->arguments[1] & FUTEX_CMD_MASK;

	switch (call->number) {
	case SYS_restart_syscall:
	case SYS_nanosleep: return true;
	case SYS_clock_nanosleep: return !(call->arguments[1] & TIMER_ABSTIME);
	case SYS_futex: return (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET) && call->arguments[3];
	default: return false;
	}
}

/*
 * Before the kernel stops the thread, it has prepared a restart after all errors but EINTR
 * (arch/arm64/kernel/signal.c, do_signal: pc is at the svc again, x0 as before). Only if pc is still there
 * when the thread continues does it make a call with a timeout go on where it was.
 */
static inline bool regs_keep_timeout(struct regs *regs, const struct blocked_call *call)
{
	if (regs->r.pc == call->pc - sizeof(regs_instruction) && call_has_timeout(call))
		regs->r.regs[8] = SYS_restart_syscall;
	/* It may have been that already, after an earlier stop. */
	return regs->r.regs[8] == SYS_restart_syscall;
}

static inline void regs_restart(struct regs *regs, const struct blocked_call *call)
{
	if (call->number < 0 || (long)regs->r.regs[0] != -EINTR)
		return;
	regs->r.pc -= sizeof(regs_instruction);
	regs->r.regs[0] = call->arguments[0];
	regs->r.regs[8] = (unsigned long)call->number;
}

/* The kernel has already prepared the restart, and the registers do not show it. */
static inline bool regs_restarts(const struct regs *regs)
{
	(void)regs;
	return false;
}
