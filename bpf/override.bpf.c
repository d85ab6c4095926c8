// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate by override: fmod_ret on the entry of a system call makes it fail
 * with EPERM before it begins. For kernels with CONFIG_FUNCTION_ERROR_INJECTION,
 * and every kernel since 7.2 (64-bit entries). The programs return long, as
 * system calls do; never sleepable.
 *
 *   munmap mremap madvise process_madvise brk shmdt process_vm_writev
 */
#include "gates.h"

#define OVERRIDE(name) \
SEC("fmod_ret/__x64_sys_" #name) \
long BPF_PROG(override_##name, const struct pt_regs *regs) \
{ \
	return gate_##name(regs, false, MEANS_DENY) ? -EPERM : 0; \
}

OVERRIDE(munmap)
OVERRIDE(mremap)
OVERRIDE(madvise)
OVERRIDE(process_madvise)
OVERRIDE(brk)
OVERRIDE(shmdt)
OVERRIDE(process_vm_writev)
