/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that depends on the architecture. Only bpf/arch/NAME.h and mseald/syscall_entry.h, which user
 * space shares, contain architecture-specific code. A bpf/arch/NAME.h defines:
 *
 *   task_in_compat(task)     whether the task is in a call of the 32-bit ABI
 *   entry_in_compat(regs)    whether a call that entered by SYSCALL_ENTRY() is one of the 32-bit ABI
 *   regs_call(regs, compat)  the call, as an enum call
 *   regs_arg(regs, compat, n), regs_ip(regs)   argument n of the call; the address of the call
 *   mm_key(mm)               the key of an address space; 0: there is none. Only with
 *                            MSEALD_KEYS_RETURN (mseald/syscall_entry.h) the kernel uses a number again
 *   mm_key_read(mm)          the same, of a pointer that the verifier does not follow; 0: it is not readable
 *   after(value)             0; what is read at an address that it was added to is read after the value. x86
 *                            reads in program order anyway
 *   untagged(mm, address)    the address without its tag, for the calls that strip tags
 *   shm_boundary(task)       what SHM_RND of shmat(2) rounds addresses down to, in bytes
 *   mm_vdso(mm, start, end)  the range where the kernel has mapped its own code; mm as for mm_key_read()
 *   mm_user_limit(mm)        upper limit of user memory, whatever the process does after exec
 *   TEXT_FIRST               whether linkers put text into the first segment, with the constants
 *   PAGE_SHIFT               shift of a page
 *   HUGE_SHIFTS, HUGE_SHIFT_MAX   shifts of the huge pages; of the largest
 *
 * vmlinux.h also has types of one architecture: pt_regs, mm_context_t, thread_info.
 */
#pragma once

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "mseald/syscall_entry.h"
#include "uapi.h"

enum call {
	CALL_OTHER,    /* any other call, or unknown */
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
#elif defined(__TARGET_ARCH_arm64)
#include "arch/arm64.h"
#else
#error "no bpf/arch header for this architecture"
#endif

#define MSEALD_PAGE (1ULL << PAGE_SHIFT)
