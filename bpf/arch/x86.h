/* SPDX-License-Identifier: GPL-2.0-only */
/* x86-64, with its 32-bit calls and x32: the definitions that bpf/arch.h lists and includes. */
#pragma once

#define PAGE_SHIFT 12
#define TEXT_FIRST false
#define HUGE_SHIFTS \
	{ \
		21, 30 \
	}
#define HUGE_SHIFT_MAX 30

#define X32_BIT 0x40000000u /* arch/x86/include/uapi/asm/unistd.h, __X32_SYSCALL_BIT */
#define TS_COMPAT 0x0002u   /* arch/x86/include/asm/thread_info.h */

/*
 * x32 uses the call numbers of the 64-bit ABI, except for 512 to 547. Of these only io_setup maps memory. x32
 * also enters by __x64_sys_* (arch/x86/entry/syscalls/syscall_64.tbl).
 */
static __always_inline enum call call_of_64(u32 number)
{
	number &= ~X32_BIT;
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
	case 206:
	case 543: return CALL_IO_SETUP;
	case 207: return CALL_IO_DESTROY;
	case 216: return CALL_REMAP_FILE_PAGES;
	case 311:
	case 540: return CALL_PROCESS_VM_WRITEV;
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
	case 125:
	case 380: return CALL_MPROTECT;
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

/* Set for int 0x80 and for 32-bit SYSENTER and SYSCALL. */
static __always_inline bool task_in_compat(const struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

/* A 32-bit call has an entry of its own. */
static __always_inline bool entry_in_compat(const struct pt_regs *regs)
{
	return false;
}

static __always_inline enum call regs_call(const struct pt_regs *regs, bool compat)
{
	return compat ? call_of_32(regs->orig_ax) : call_of_64(regs->orig_ax);
}

static __always_inline u64 regs_ip(const struct pt_regs *regs)
{
	return regs->ip;
}

/* Argument n of a call, read from its registers (System V ABI; int 0x80). */
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

/* arch/x86/include/asm/vdso.h, mmu.h */
struct vdso_image___size {
	unsigned long size;
} __attribute__((preserve_access_index));

struct mm_struct___vdso {
	struct {
		void *vdso;
		const struct vdso_image___size *vdso_image;
	} context;
} __attribute__((preserve_access_index));

static __always_inline u64 shm_boundary(struct task_struct *task)
{
	return 1ULL << PAGE_SHIFT;
}

/* The range where the kernel has mapped its own code; both 0: none. */
static __always_inline void mm_vdso(const struct mm_struct *mm, u64 *ret_start, u64 *ret_end)
{
	const struct mm_struct___vdso *vdso = (const void *)mm;

	*ret_start = (u64)BPF_CORE_READ(vdso, context.vdso);
	*ret_end = *ret_start + BPF_CORE_READ(vdso, context.vdso_image, size);
}

/* arch/x86/include/asm/mmu.h: the kernel never uses a number again. */
static __always_inline u64 mm_key(const struct mm_struct *mm)
{
	return mm->context.ctx_id;
}

static __always_inline u64 mm_key_read(const struct mm_struct *mm)
{
	return BPF_CORE_READ(mm, context.ctx_id);
}

/*
 * Strips the tag of an address, as munmap, mprotect, madvise and the source of mremap do (LAM:
 * arch/x86/include/asm/uaccess_64.h, since 6.4). The other calls keep the tag and refuse such an address.
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
		return address & lam->context.untag_mask;
	return address;
}

/*
 * task_size has the value of the exec. A 32-bit process can move its limit, up to 4 GiB, with
 * personality(ADDR_LIMIT_3GB) (arch/x86/include/asm/page_64_types.h, IA32_PAGE_OFFSET).
 */
static __always_inline u64 mm_user_limit(const struct mm_struct *mm)
{
	u64 limit = mm->task_size;

	if (unlikely(limit < 1ULL << 32))
		limit = 1ULL << 32;
	return limit;
}

static __always_inline u64 after(u64 value)
{
	return 0;
}
