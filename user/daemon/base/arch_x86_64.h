/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86-64: the definitions that arch.h lists and includes. */
#pragma once

#define ARCH_VM_PKEY (0xfULL << 32) /* include/linux/mm.h, VM_PKEY_BIT0 and on: four bits */

#define ARCH_AUDIT AUDIT_ARCH_X86_64
#define ARCH_AUDIT_32 AUDIT_ARCH_I386
#define ARCH_MPROTECT_32 125

/*
 * getpid of arch/x86/entry/syscalls/syscall_32.tbl. Without CONFIG_IA32_EMULATION, or with ia32_emulation=0
 * (since 6.7), it raises a general protection fault.
 */
static inline void arch_call_32(void)
{
	long number = 20;

	__asm__ volatile("int $0x80" : "+a"(number) : : "memory");
}

struct regs {
	struct user_regs_struct r; /* NT_PRSTATUS */
};

static const unsigned char regs_instruction[] = { 0x0f, 0x05 }; /* syscall */

/*
 * Are these registers of 64-bit code? A 32-bit thread has a smaller set, and 64-bit threads can run 32-bit
 * code.
 */
static inline bool regs_64bit(const struct regs *regs, size_t size)
{
	return size == sizeof(regs->r) && regs->r.cs == 0x33;
}

static inline uint64_t regs_ip(const struct regs *regs)
{
	return regs->r.rip;
}

static inline void regs_set_ip(struct regs *regs, uint64_t ip)
{
	regs->r.rip = ip;
}

static inline uint64_t regs_sp(const struct regs *regs)
{
	return regs->r.rsp;
}

/*
 * Gets the call at whose end the thread was stopped. Keeps *call, read before the stop, if the registers do
 * not tell.
 */
static inline void regs_get_call(const struct regs *regs, struct blocked_call *call)
{
	*call = (struct blocked_call){
		.number = (long)regs->r.orig_rax < 0 ? -1 : (long)regs->r.orig_rax,
		.arguments = { regs->r.rdi, regs->r.rsi, regs->r.rdx, regs->r.r10, regs->r.r8, regs->r.r9 },
		.sp = regs->r.rsp,
		.pc = regs->r.rip,
	};
}

#define REGS_EFLAGS_TF 0x100ul

/* Prepares a call at such an instruction. No call is in progress then (orig_rax), so none is restarted. */
static inline void regs_set_call(struct regs *regs, uint64_t instruction, long number,
				 const uint64_t arguments[3])
{
	regs->r.rip = instruction;
	regs->r.eflags &=
		~REGS_EFLAGS_TF; /* otherwise a thread that single-steps itself gets a SIGTRAP there */
	regs->r.rax = (unsigned long)number;
	regs->r.orig_rax = (unsigned long)-1;
	regs->r.rdi = arguments[0];
	regs->r.rsi = arguments[1];
	regs->r.rdx = arguments[2];
}

static inline int arch_skip_call(pid_t tid)
{
	return ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, regs.orig_rax), -1) < 0 ? -errno : 0;
}

static inline long regs_result(const struct regs *regs)
{
	return (long)regs->r.rax;
}

/*
 * Makes the kernel continue an interrupted sleep where it was, not from its beginning. True: it continues as
 * restart_syscall(2). The kernel does this by what the registers hold.
 */
static inline bool regs_keep_timeout(struct regs *regs, const struct blocked_call *call)
{
	(void)call;
	return (long)regs->r.orig_rax >= 0 && (long)regs->r.rax == -REGS_ERESTART_RESTARTBLOCK;
}

/*
 * Restarts a call that failed with EINTR only because it was stopped, unless a signal handler runs first. The
 * kernel does this for ERESTARTNOHAND when the thread continues (arch/x86/kernel/signal.c).
 */
static inline void regs_restart(struct regs *regs, const struct blocked_call *call)
{
	if (call->number >= 0 && (long)regs->r.orig_rax == call->number && (long)regs->r.rax == -EINTR)
		regs->r.rax = (unsigned long)-REGS_ERESTARTNOHAND;
}

/* Will the kernel restart the call when the thread continues, unless a handler runs first? */
static inline bool regs_restarts(const struct regs *regs)
{
	long result = (long)regs->r.rax;

	return (long)regs->r.orig_rax >= 0 && result <= -REGS_ERESTARTSYS &&
	       result >= -REGS_ERESTART_RESTARTBLOCK;
}
