// SPDX-License-Identifier: GPL-2.0-only
/*
 * The override gate: fmod_ret on the entry of a system call makes the call fail with EPERM before it begins.
 * For kernels with CONFIG_FUNCTION_ERROR_INJECTION, and every kernel since 7.1 (64-bit entries only). The
 * programs return long, as system calls do; never sleepable.
 *
 *   fmod_ret/SYSCALL_ENTRY   munmap, mremap, madvise, process_madvise, brk, shmdt, process_vm_writev:
 *                            64-bit calls without an LSM hook
 *   fmod_ret/SYSCALL_ENTRY_32  the same as 32-bit calls except process_vm_writev, made by a 32-bit or a
 *                            64-bit process; and ipc: shmdt by ipc()
 */
#include "gates.h"

#define OVERRIDE(name) \
	SEC("fmod_ret/" SYSCALL_ENTRY(name)) \
	long BPF_PROG(override_##name, const struct pt_regs *regs) \
	{ \
		return gate_##name(regs, entry_in_compat(regs), REACTION_DENY) ? -EPERM : 0; \
	}

OVERRIDE(munmap)
OVERRIDE(mremap)
OVERRIDE(madvise)
OVERRIDE(process_madvise)
OVERRIDE(brk)
OVERRIDE(shmdt)
OVERRIDE(process_vm_writev)

#ifdef SYSCALL_ENTRY_32
#define OVERRIDE_32(name, entry) \
	SEC("fmod_ret/" SYSCALL_ENTRY_32(entry)) \
	long BPF_PROG(override_##name##_32, const struct pt_regs *regs) \
	{ \
		return gate_##name(regs, true, REACTION_DENY) ? -EPERM : 0; \
	}

OVERRIDE_32(munmap, sys_munmap)
OVERRIDE_32(mremap, sys_mremap)
OVERRIDE_32(madvise, sys_madvise)
OVERRIDE_32(process_madvise, sys_process_madvise)
OVERRIDE_32(brk, sys_brk)
OVERRIDE_32(shmdt, sys_shmdt)
OVERRIDE_32(ipc, compat_sys_ipc)
#endif
