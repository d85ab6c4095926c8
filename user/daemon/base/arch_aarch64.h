/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The answers of arm64 to arch.h, which includes this. */
#ifndef MSEALD_BASE_ARCH_AARCH64_H
#define MSEALD_BASE_ARCH_AARCH64_H

#define ARCH_VM_PKEY (0x7ULL << 32) /* include/linux/mm.h, VM_PKEY_BIT0 and on: three bits, since 6.12 */

#define ARCH_AUDIT_32 AUDIT_ARCH_ARM
#define ARCH_MPROTECT_32 125

/* Only a thread in 32-bit state can. */
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

/* The kernel has overwritten the first argument: only what was seen before tells. */
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

static inline bool regs_is_call(const struct regs *regs, uint64_t instruction, long number,
				const uint64_t arguments[3])
{
	return regs->r.pc == instruction + sizeof(regs_instruction) && (long)regs->r.regs[8] == number &&
	       regs->r.regs[0] == arguments[0] && regs->r.regs[1] == arguments[1] &&
	       regs->r.regs[2] == arguments[2];
}

/* Its number is not among these registers (NT_ARM_SYSCALL): a call that there is none of will do. */
static inline void regs_drop_call(struct regs *regs)
{
	regs->r.regs[8] = (unsigned long)-1;
}

static inline long regs_result(const struct regs *regs)
{
	return (long)regs->r.regs[0];
}

/*
 * The kernel has put everything but EINTR right before it stops the thread
 * (arch/arm64/kernel/signal.c, do_signal: pc is at the svc again, x0 as it
 * was). A timeout starts anew then: what ERESTART_RESTARTBLOCK kept of it is
 * forgotten once pc differs.
 */
static inline void regs_restart(struct regs *regs, const struct blocked_call *call)
{
	if (call->number < 0 || (long)regs->r.regs[0] != -EINTR)
		return;
	regs->r.pc -= sizeof(regs_instruction);
	regs->r.regs[0] = call->arguments[0];
	regs->r.regs[8] = (unsigned long)call->number;
}

/* It has seen to that already, and tells no more. */
static inline bool regs_restarts(const struct regs *regs)
{
	(void)regs;
	return false;
}

#endif
