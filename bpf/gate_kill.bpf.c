// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kill gate: fentry cannot make a call fail, but SIGKILL sent here arrives before the caller returns to
 * user space. The call itself still happens; lsm/mmap_addr prevents new mappings in the memory that it frees.
 * Works on every kernel with BPF LSM; never sleepable.
 *
 *   fentry/SYSCALL_ENTRY     munmap, mremap, process_madvise, brk, shmdt: 64-bit calls without an LSM
 *                            hook, where they cannot be overridden (gate_override.bpf.c)
 *   fentry/SYSCALL_ENTRY_32  the same as 32-bit calls, and ipc: shmdt by ipc()
 *   fentry/do_madvise        madvise, and IORING_OP_MADVISE of io_uring, which does not enter by a call;
 *                            on every kernel
 *   fentry/expand_downwards  a stack that grows by page faults, for which the kernel calls no LSM hook
 *   fentry/vm_munmap         io_destroy (fs/aio.c), which unmaps the address that it stored
 *   fentry/mm_access         process_vm_writev to the caller's own memory, for which the kernel calls no
 *                            LSM hook
 */
#include "gates.h"

#define KILL(name) \
	SEC("fentry/" SYSCALL_ENTRY(name)) \
	int BPF_PROG(kill_##name, const struct pt_regs *regs) \
	{ \
		(void)gate_##name(regs, entry_in_compat(regs), REACTION_KILL); \
		return 0; \
	}

KILL(munmap)
KILL(mremap)
KILL(process_madvise)
KILL(brk)
KILL(shmdt)

#ifdef SYSCALL_ENTRY_32
#define KILL_32(name, entry) \
	SEC("fentry/" SYSCALL_ENTRY_32(entry)) \
	int BPF_PROG(kill_##name##_32, const struct pt_regs *regs) \
	{ \
		(void)gate_##name(regs, true, REACTION_KILL); \
		return 0; \
	}

KILL_32(munmap, sys_munmap)
KILL_32(mremap, sys_mremap)
KILL_32(process_madvise, sys_process_madvise)
KILL_32(brk, sys_brk)
KILL_32(shmdt, sys_shmdt)
KILL_32(ipc, compat_sys_ipc)
#endif

SEC("fentry/do_madvise")
int BPF_PROG(kill_do_madvise, struct mm_struct *mm, unsigned long start, size_t length, int advice)
{
	u64 key = space_key(mm);
	struct call_site site;

	if (likely(space_unsealed(key)))
		return 0;
	/*
	 * With the mm of another process the kernel takes only harmless advice
	 * (process_madvise_remote_valid).
	 */
	site = call_site_of(bpf_get_current_task_btf());
	(void)gate_madvise_range(key, untagged(mm, start), length, advice, REACTION_KILL,
				 site.call == CALL_MADVISE &&
						 (site.compat ? madvise_32_overridden : madvise_overridden) ?
					 ATTEMPT_AGAIN :
					 0);
	return 0;
}

/* A stack grows into free memory below it, but must not grow into a sealed range that is gone. */
SEC("fentry/expand_downwards")
int BPF_PROG(kill_expand_downwards, struct vm_area_struct *vma, unsigned long address)
{
	/* Not the caller's key: another process may grow the stack by /proc/PID/mem. */
	u64 key = space_key(vma->vm_mm), start = address & ~(MSEALD_PAGE - 1);

	if (likely(space_unsealed(key)) || start >= vma->vm_start)
		return 0;
	/*
	 * Since 6.5 a read of a hole by /proc/PID/mem calls this for any mapping that is next (mm/memory.c).
	 */
	if (!(vma->vm_flags & VM_GROWSDOWN))
		return 0;
	(void)verdict_on(key, start, vma->vm_start - start,
			 ATTEMPT(MSEALD_OP_MAP_HOLE, MSEALD_DENY_UNMAP, REACTION_KILL));
	return 0;
}

SEC("fentry/vm_munmap")
int BPF_PROG(kill_vm_munmap, unsigned long start, size_t length)
{
	u64 key = own_key();
	struct call_site site;

	if (likely(space_unsealed(key)))
		return 0;
	site = call_site_of(bpf_get_current_task_btf());
	(void)verdict_on(key, start, length,
			 ATTEMPT(site.call == CALL_IO_DESTROY ? MSEALD_OP_IO_DESTROY : MSEALD_OP_MUNMAP,
				 MSEALD_DENY_UNMAP, REACTION_KILL) |
				 ATTEMPT_NATIVE);
	return 0;
}

/*
 * process_vm_writev gets the target's address space by this function. The kernel calls no LSM hook if it is
 * the caller's own (kernel/fork.c, mm_access). The caller may name it by its own pid, that of a thread, or of
 * another process that shares the memory. The ranges are in user memory, so any seal counts.
 */
SEC("fentry/mm_access")
int BPF_PROG(kill_mm_access, struct task_struct *target, unsigned int mode)
{
	struct call_site site;
	u64 key;

	if (!(mode & PTRACE_MODE_ATTACH))
		return 0;
	key = space_key(target->mm);
	if (likely(space_unsealed(key)))
		return 0;
	if (key != own_key())
		return 0;
	site = call_site_of(bpf_get_current_task_btf());
	if (site.call == CALL_PROCESS_VM_WRITEV)
		(void)verdict_on(key, 0, MSEALD_ADDRESS_LIMIT,
				 ATTEMPT(MSEALD_OP_PROCESS_VM_WRITEV, MSEALD_DENY_FOREIGN_WRITE,
					 REACTION_KILL));
	return 0;
}
