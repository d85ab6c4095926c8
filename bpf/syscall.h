/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which system call the current task is in, and its arguments: the range of a
 * call is in the user registers only. They are final once a hook runs (after
 * ptrace and seccomp) and no other thread can change them; user memory is
 * never read.
 *
 * The ABI comes first: TS_COMPAT is set for int 0x80 and 32-bit SYSENTER/SYSCALL
 * (arch/x86/include/asm/thread_info.h), bit 30 of orig_ax for x32. io_uring
 * workers hold their creator's stale registers (kernel/fork.c, copy_thread)
 * and are in no call at all.
 */
#ifndef MSEALD_BPF_SYSCALL_H
#define MSEALD_BPF_SYSCALL_H

#include "maps.h"

#define MSEALD_TS_COMPAT 0x0002u
#define MSEALD_X32_BIT 0x40000000u

enum call {
	CALL_OTHER,		/* none of these, or not to be known */
	CALL_MPROTECT,		/* and pkey_mprotect */
	CALL_MMAP,		/* and mmap2 */
	CALL_OLD_MMAP,		/* i386: arguments in user memory */
	CALL_MREMAP,
	CALL_BRK,
	CALL_SHMAT,
	CALL_IPC,		/* i386: several calls, arguments partly in user memory */
	CALL_REMAP_FILE_PAGES,
	CALL_MAP_SHADOW_STACK,
	CALL_MADVISE,
	CALL_IO_SETUP,
	CALL_IO_DESTROY,
	CALL_PROCESS_VM_WRITEV,
};

struct call_site {
	const struct pt_regs *regs;
	enum call call;
	bool compat;
};

/*
 * x32 numbers its calls as the 64-bit ABI does, but for 512 to 547, of which
 * only io_setup maps anything; it shares the entries __x64_sys_* too
 * (arch/x86/entry/syscalls/syscall_64.tbl).
 */
static __always_inline enum call call_of_64(u32 number)
{
	number &= ~MSEALD_X32_BIT;
	if (likely(number == 9))
		return CALL_MMAP;
	if (likely(number == 10))
		return CALL_MPROTECT;
	switch (number) {
	case 329: return CALL_MPROTECT;
	case 12: return CALL_BRK;
	case 25: return CALL_MREMAP;
	case 28: return CALL_MADVISE;
	case 30: return CALL_SHMAT;
	case 206: case 543: return CALL_IO_SETUP;
	case 207: return CALL_IO_DESTROY;
	case 216: return CALL_REMAP_FILE_PAGES;
	case 311: case 540: return CALL_PROCESS_VM_WRITEV;
	case 453: return CALL_MAP_SHADOW_STACK;
	default: return CALL_OTHER;
	}
}

static __always_inline enum call call_of_32(u32 number)
{
	switch (number) {
	case 45: return CALL_BRK;
	case 90: return CALL_OLD_MMAP;
	case 117: return CALL_IPC;
	case 125: case 380: return CALL_MPROTECT;
	case 163: return CALL_MREMAP;
	case 192: return CALL_MMAP;
	case 219: return CALL_MADVISE;
	case 245: return CALL_IO_SETUP;
	case 246: return CALL_IO_DESTROY;
	case 257: return CALL_REMAP_FILE_PAGES;
	case 348: return CALL_PROCESS_VM_WRITEV;
	case 397: return CALL_SHMAT;
	case 453: return CALL_MAP_SHADOW_STACK;
	default: return CALL_OTHER;
	}
}

static __always_inline struct call_site call_site_of(struct task_struct *task)
{
	struct call_site site = { .regs = (const struct pt_regs *)bpf_task_pt_regs(task) };

	if (unlikely(task->flags & PF_IO_WORKER))
		return site;
	site.compat = task->thread_info.status & MSEALD_TS_COMPAT;
	site.call = site.compat ? call_of_32(site.regs->orig_ax) : call_of_64(site.regs->orig_ax);
	return site;
}

/* Argument n of a call made with these registers (System V ABI; int 0x80). */
static __always_inline u64 regs_arg(const struct pt_regs *regs, bool compat, int n)
{
	if (unlikely(compat)) {
		switch (n) {
		case 0: return (u32)regs->bx;
		case 1: return (u32)regs->cx;
		case 2: return (u32)regs->dx;
		case 3: return (u32)regs->si;
		case 4: return (u32)regs->di;
		default: return (u32)regs->bp;
		}
	}
	switch (n) {
	case 0: return regs->di;
	case 1: return regs->si;
	case 2: return regs->dx;
	case 3: return regs->r10;
	case 4: return regs->r8;
	default: return regs->r9;
	}
}

/*
 * An address as munmap, mprotect, madvise and mremap's source take it: without
 * its tag (LAM: arch/x86/include/asm/uaccess_64.h, since 6.4). The other calls
 * do not strip tags, and refuse such an address.
 */
struct mm_struct___lam {
	struct {
		unsigned long untag_mask;
	} context;
} __attribute__((preserve_access_index));

static __always_inline u64 untagged(const struct mm_struct *mm, u64 address)
{
	const struct mm_struct___lam *lam = (const void *)mm;

	if (bpf_core_field_exists(lam->context.untag_mask))
		return address & BPF_CORE_READ(lam, context.untag_mask);
	return address;
}

static __always_inline u64 call_arg(const struct call_site *site, int n)
{
	return regs_arg(site->regs, site->compat, n);
}

#endif
