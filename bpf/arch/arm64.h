/* SPDX-License-Identifier: GPL-2.0-only */
/* arm64, with its 32-bit calls: the definitions that bpf/arch.h lists and includes. */
#pragma once

/* The daemon fills it in: kernels have pages of 4 or of 16 KiB, and of 64, which it refuses. */
extern const volatile __u32 page_shift;

#define PAGE_SHIFT page_shift
#define TEXT_FIRST true
/* Of both, with several entries of a page table for one page, too. */
#define HUGE_SHIFTS \
	{ \
		16, 21, 25, 30 \
	}
#define HUGE_SHIFT_MAX 30

#define PSR_MODE32_BIT 0x10 /* arch/arm64/include/uapi/asm/ptrace.h */

static __always_inline enum call call_of_64(u32 number)
{
	if (likely(number == 222))
		return CALL_MMAP;
	if (likely(number == 226))
		return CALL_MPROTECT;
	switch (number) {
	case 288: return CALL_MPROTECT;
	case 214: return CALL_BRK;
	case 216: return CALL_MREMAP;
	case 233: return CALL_MADVISE;
	case 196: return CALL_SHMAT;
	case 0: return CALL_IO_SETUP;
	case 1: return CALL_IO_DESTROY;
	case 234: return CALL_REMAP_FILE_PAGES;
	case 271: return CALL_PROCESS_VM_WRITEV;
	case 453: return CALL_MAP_SHADOW_STACK;
	default: return CALL_OTHER;
	}
}

/* arch/arm64/tools/syscall_32.tbl, 6.1: arch/arm64/include/asm/unistd32.h */
static __always_inline enum call call_of_32(u32 number)
{
	switch (number) {
	case 45: return CALL_BRK;
	case 125:
	case 394: return CALL_MPROTECT;
	case 163: return CALL_MREMAP;
	case 192: return CALL_MMAP;
	case 220: return CALL_MADVISE;
	case 243: return CALL_IO_SETUP;
	case 244: return CALL_IO_DESTROY;
	case 253: return CALL_REMAP_FILE_PAGES;
	case 305: return CALL_SHMAT;
	case 377: return CALL_PROCESS_VM_WRITEV;
	default: return CALL_OTHER;
	}
}

static __always_inline bool entry_in_compat(const struct pt_regs *regs)
{
	return regs->pstate & PSR_MODE32_BIT;
}

/* A thread is in 32-bit or in 64-bit state as long as it runs a program. */
static __always_inline bool task_in_compat(struct task_struct *task)
{
	return entry_in_compat((const struct pt_regs *)bpf_task_pt_regs(task));
}

static __always_inline enum call regs_call(const struct pt_regs *regs, bool compat)
{
	return compat ? call_of_32(regs->syscallno) : call_of_64(regs->syscallno);
}

static __always_inline u64 regs_ip(const struct pt_regs *regs)
{
	return regs->pc;
}

/* At the entry of a call its first argument is still in regs[0] (arch/arm64/kernel/syscall.c). */
static __always_inline u64 regs_arg(const struct pt_regs *regs, bool compat, int n)
{
	u64 value = regs->regs[n];

	return unlikely(compat) ? (u32)value : value;
}

/* arch/arm64/include/asm/shmparam.h: COMPAT_SHMLBA */
static __always_inline u64 shm_boundary(struct task_struct *task)
{
	return (task_in_compat(task) ? 4ULL : 1) << PAGE_SHIFT;
}

/* The kernel keeps only the start: the range is left to the daemon, which reads it from /proc/PID/maps. */
static __always_inline void mm_vdso(const struct mm_struct *mm, u64 *ret_start, u64 *ret_end)
{
	*ret_start = *ret_end = 0;
}

/*
 * The kernel does not number address spaces (context.id changes), so the key is the address of the mm_struct,
 * made small: mm_structs are aligned to 64 bytes, and differ in the low 52 bits of their addresses. The
 * kernel uses an address again as soon as it is free: MSEALD_KEYS_RETURN.
 *
 * The verifier lets a program compute the difference of two pointers, and nothing else of one. The other
 * pointer is that of the state, which the gates need anyway: the same for all programs, as long as the maps
 * are there. A number that was read is no pointer, so mm_key_read() gets the other pointer as a number too,
 * by way of memory; all store the same.
 */
extern struct mseald_state state;
extern __u64 key_base;

#define MM_KEY(difference) ((u64)(difference) >> 6 & ((1ULL << 46) - 1))

static __always_inline u64 mm_key(const struct mm_struct *mm)
{
	u64 key = (u64)mm;

	if (!mm)
		return 0;
	/* MM_KEY(), for which the compiler would load the mask. */
	asm volatile("%0 -= %1; %0 <<= 12; %0 >>= 18" : "+r"(key) : "r"(&state));
	return key;
}

static __always_inline u64 mm_key_read(const struct mm_struct *mm)
{
	if (!mm)
		return 0;
	*(volatile u64 *)&key_base = (u64)&state;
	return MM_KEY((u64)mm - *(volatile u64 *)&key_base);
}

/*
 * Strips the tag of an address, as munmap, mprotect, madvise and the source of mremap do
 * (arch/arm64/include/asm/uaccess.h, untagged_addr: the top byte, unless it is no address of user space).
 */
static __always_inline u64 untagged(const struct mm_struct *mm, u64 address)
{
	return address & 1ULL << 55 ? address : address & ((1ULL << 56) - 1);
}

/* Of a thread, and as at exec: TIF_32BIT, or what the processor can do (TASK_SIZE). */
static __always_inline u64 mm_user_limit(const struct mm_struct *mm)
{
	return mm->task_size;
}

/* The processor keeps the order of two loads if the address of the second depends on the first. */
static __always_inline u64 after(u64 value)
{
	asm volatile("%0 &= 0" : "+r"(value));
	return value;
}
