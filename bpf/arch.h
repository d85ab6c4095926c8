/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs by architecture. bpf/arch/NAME.h has all of it, and no other file has any, but for
 * mseald/syscall_entry.h, which user space shares:
 *
 *   task_in_compat(task)     whether the task is in a call of the 32-bit ABI
 *   regs_call(regs, compat)  which call it is
 *   regs_arg(regs, compat, n), regs_ip(regs)   its argument n, and where it was made
 *   MM_KEY                   the member of struct mm_struct whose value no other one ever gets
 *   untagged(mm, address)    the address without its tag, for the calls that strip tags
 *   mm_vdso(mm, start, end)  where the kernel has mapped its own code
 *   mm_user_limit(mm)        no user memory ends above this, whatever the process does after exec
 *   PAGE_SHIFT               of a page
 *   HUGE_SHIFT_MIN, HUGE_SHIFT_MAX   of the smallest and of the largest huge page
 *
 * vmlinux.h has the types of one architecture as well: pt_regs, mm_context_t, thread_info.
 */
#ifndef MSEALD_BPF_ARCH_H
#define MSEALD_BPF_ARCH_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "mseald/syscall_entry.h"
#include "uapi.h"

enum call {
	CALL_OTHER,    /* none of these, or not to be known */
	CALL_MPROTECT, /* and pkey_mprotect */
	CALL_MMAP,     /* and mmap2 */
	CALL_OLD_MMAP, /* 32-bit: arguments in user memory */
	CALL_MREMAP,
	CALL_BRK,
	CALL_SHMAT,
	CALL_IPC, /* 32-bit: several calls, arguments partly in user memory */
	CALL_REMAP_FILE_PAGES,
	CALL_MAP_SHADOW_STACK,
	CALL_MADVISE,
	CALL_IO_SETUP,
	CALL_IO_DESTROY,
	CALL_PROCESS_VM_WRITEV,
};

#if defined(__TARGET_ARCH_x86)
#include "arch/x86.h"
#else
#error "no bpf/arch header for this architecture"
#endif

#define MSEALD_PAGE (1ULL << PAGE_SHIFT)

#endif
