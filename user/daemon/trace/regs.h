/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registers of a stopped thread, as far as making it do a system call and
 * go on unnoticed needs to know them: the part of the native gate that differs
 * between x86-64 and arm64.
 */
#ifndef MSEALD_TRACE_REGS_H
#define MSEALD_TRACE_REGS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/user.h>

/* Kernel-internal: the call is made again unless a handler runs (include/linux/errno.h). */
#define REGISTERS_ERESTARTNOHAND 514
#define REGISTERS_ERESTARTSYS 512		/* the first of these, and ERESTART_RESTARTBLOCK, the last */
#define REGISTERS_ERESTART_LAST 516

/* What the call was that the thread was in when it was stopped (/proc/PID/syscall, proc_pid_syscall(5)). */
struct blocked_call {
	long number;		/* -1: in none */
	uint64_t arguments[6];
	uint64_t sp, pc;	/* pc: where it goes on in its own code */
};

#if defined(__x86_64__)

struct registers {
	struct user_regs_struct r;	/* NT_PRSTATUS */
};

static const unsigned char registers_instruction[] = { 0x0f, 0x05 };	/* syscall */

/* Those of 64-bit code? A 32-bit thread has a smaller set, and 64-bit ones can run 32-bit code. */
static inline bool registers_64bit(const struct registers *registers, size_t size)
{
	return size == sizeof(registers->r) && registers->r.cs == 0x33;
}

static inline uint64_t registers_ip(const struct registers *registers)
{
	return registers->r.rip;
}

static inline void registers_set_ip(struct registers *registers, uint64_t ip)
{
	registers->r.rip = ip;
}

static inline uint64_t registers_sp(const struct registers *registers)
{
	return registers->r.rsp;
}

/* The call that it was stopped at the end of. Keeps *call, what it was seen in, where the registers do not tell. */
static inline void registers_get_call(const struct registers *registers, struct blocked_call *call)
{
	*call = (struct blocked_call){
		.number = (long)registers->r.orig_rax < 0 ? -1 : (long)registers->r.orig_rax,
		.arguments = { registers->r.rdi, registers->r.rsi, registers->r.rdx, registers->r.r10, registers->r.r8,
			       registers->r.r9 },
		.sp = registers->r.rsp,
		.pc = registers->r.rip,
	};
}

#define REGISTERS_EFLAGS_TF 0x100ul

/* Makes it do a call at an instruction of that kind. No call is in progress then (orig_rax), so none is made again. */
static inline void registers_set_call(struct registers *registers, uint64_t instruction, long number,
				      const uint64_t arguments[3])
{
	registers->r.rip = instruction;
	registers->r.eflags &= ~REGISTERS_EFLAGS_TF;	/* who steps through itself must not get a SIGTRAP there */
	registers->r.rax = (unsigned long)number;
	registers->r.orig_rax = (unsigned long)-1;
	registers->r.rdi = arguments[0];
	registers->r.rsi = arguments[1];
	registers->r.rdx = arguments[2];
}

/* Where a call begins: is it that one? */
static inline bool registers_is_call(const struct registers *registers, uint64_t instruction, long number,
				     const uint64_t arguments[3])
{
	return registers->r.rip == instruction + sizeof(registers_instruction) &&
	       (long)registers->r.orig_rax == number && registers->r.rdi == arguments[0] &&
	       registers->r.rsi == arguments[1] && registers->r.rdx == arguments[2];
}

/* Where a call begins: it is not made. */
static inline void registers_drop_call(struct registers *registers)
{
	registers->r.orig_rax = (unsigned long)-1;
}

static inline long registers_result(const struct registers *registers)
{
	return (long)registers->r.rax;
}

/*
 * A call that gave up with EINTR only because it was stopped is to be made
 * again, unless a signal handler comes first: the kernel does just that for
 * ERESTARTNOHAND when the thread goes on (arch/x86/kernel/signal.c).
 */
static inline void registers_restart(struct registers *registers, const struct blocked_call *call)
{
	if (call->number >= 0 && (long)registers->r.orig_rax == call->number && (long)registers->r.rax == -EINTR)
		registers->r.rax = (unsigned long)-REGISTERS_ERESTARTNOHAND;
}

/* Does the kernel make the call again when it goes on, unless a handler comes first? */
static inline bool registers_restarts(const struct registers *registers)
{
	long result = (long)registers->r.rax;

	return (long)registers->r.orig_rax >= 0 && result <= -REGISTERS_ERESTARTSYS && result >= -REGISTERS_ERESTART_LAST;
}

#elif defined(__aarch64__)

struct registers {
	struct user_regs_struct r;	/* NT_PRSTATUS: user_pt_regs */
};

static const unsigned char registers_instruction[] = { 0x01, 0x00, 0x00, 0xd4 };	/* svc #0 */

#define REGISTERS_PSTATE_32BIT 0x10ull

static inline bool registers_64bit(const struct registers *registers, size_t size)
{
	return size == sizeof(registers->r) && !(registers->r.pstate & REGISTERS_PSTATE_32BIT);
}

static inline uint64_t registers_ip(const struct registers *registers)
{
	return registers->r.pc;
}

static inline void registers_set_ip(struct registers *registers, uint64_t ip)
{
	registers->r.pc = ip;
}

static inline uint64_t registers_sp(const struct registers *registers)
{
	return registers->r.sp;
}

/* The kernel has overwritten the first argument: only what was seen before tells. */
static inline void registers_get_call(const struct registers *registers, struct blocked_call *call)
{
	(void)registers;
	(void)call;
}

static inline void registers_set_call(struct registers *registers, uint64_t instruction, long number,
				      const uint64_t arguments[3])
{
	registers->r.pc = instruction;
	registers->r.regs[8] = (unsigned long)number;
	for (int i = 0; i < 3; i++)
		registers->r.regs[i] = arguments[i];
}

static inline bool registers_is_call(const struct registers *registers, uint64_t instruction, long number,
				     const uint64_t arguments[3])
{
	return registers->r.pc == instruction + sizeof(registers_instruction) &&
	       (long)registers->r.regs[8] == number && registers->r.regs[0] == arguments[0] &&
	       registers->r.regs[1] == arguments[1] && registers->r.regs[2] == arguments[2];
}

/* Its number is not among these registers (NT_ARM_SYSCALL): a call that there is none of will do. */
static inline void registers_drop_call(struct registers *registers)
{
	registers->r.regs[8] = (unsigned long)-1;
}

static inline long registers_result(const struct registers *registers)
{
	return (long)registers->r.regs[0];
}

/*
 * The kernel has put everything but EINTR right before it stops the thread
 * (arch/arm64/kernel/signal.c, do_signal: pc is at the svc again, x0 as it
 * was). A timeout starts anew then: what ERESTART_RESTARTBLOCK kept of it is
 * forgotten once pc differs.
 */
static inline void registers_restart(struct registers *registers, const struct blocked_call *call)
{
	if (call->number < 0 || (long)registers->r.regs[0] != -EINTR)
		return;
	registers->r.pc -= sizeof(registers_instruction);
	registers->r.regs[0] = call->arguments[0];
	registers->r.regs[8] = (unsigned long)call->number;
}

/* It has seen to that already, and tells no more. */
static inline bool registers_restarts(const struct registers *registers)
{
	(void)registers;
	return false;
}

#else
#error "the native gate knows x86-64 and arm64"
#endif

#endif
