// SPDX-License-Identifier: GPL-2.0-only
/*
 * Row 11: writes that bypass the mapping, by any process. No hook gets the range, so any foreign-write seal
 * denies these writes for the whole address space. LSM hooks, attached only while there is such a seal,
 * because they run on every read and write of the machine.
 *
 *   lsm/ptrace_access_check  the right to trace (PTRACE_MODE_ATTACH): PTRACE_ATTACH and SEIZE, opening
 *                            another process's /proc/PID/mem, process_vm_readv and writev,
 *                            pidfd_getfd, and /proc/PID/stack, syscall, personality. The kernel does not
 *                            call it for one's own thread group or memory (kernel/ptrace.c, kernel/fork.c)
 *   lsm/ptrace_traceme       PTRACE_TRACEME: the sealed process asks to be traced
 *   lsm/file_permission      write to a /proc/PID/mem, whichever process opened it, before or after the
 *                            seal: every such write calls rw_verify_area first (fs/read_write.c,
 *                            fs/splice.c, fs/aio.c, io_uring/rw.c of 6.1, 6.12, 7.3)
 */
#include "syscall.h"
#include "verdict_space.h"

/* The daemon traces by a child. The start time tells the daemon from a later process with the same pid. */
static __always_inline bool is_injector(struct task_struct *task)
{
	u32 tgid = *(volatile u32 *)&state.injector_tgid;
	struct task_struct *daemon = BPF_CORE_READ(task, group_leader, parent);

	return tgid && tgid == (u32)BPF_CORE_READ(daemon, tgid) &&
	       *(volatile u64 *)&state.injector_start == BPF_CORE_READ(daemon, group_leader, start_boottime);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(mseald_ptrace_access_check, struct task_struct *child, unsigned int mode)
{
	struct task_struct *task;
	enum mseald_op op;
	u64 key;

	if (likely(!(mode & PTRACE_MODE_ATTACH)))
		return 0;
	key = task_key((u64)child);
	if (likely(space_unsealed(key)))
		return 0;
	task = bpf_get_current_task_btf();
	if (is_injector(task))
		return 0;
	op = call_site_of(task).call == CALL_PROCESS_VM_WRITEV ? MSEALD_OP_PROCESS_VM_WRITEV :
								 MSEALD_OP_PTRACE;
	return verdict_on_all(key, (u64)BPF_CORE_READ(child, group_leader),
			      ATTEMPT(op, MSEALD_DENY_FOREIGN_WRITE, REACTION_DENY)) ?
		       -EPERM :
		       0;
}

SEC("lsm/ptrace_traceme")
int BPF_PROG(mseald_ptrace_traceme, struct task_struct *parent)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 key = task_key((u64)task);

	if (likely(space_unsealed(key)))
		return 0;
	return verdict_on_all(key, (u64)BPF_CORE_READ(task, group_leader),
			      ATTEMPT(MSEALD_OP_PTRACE, MSEALD_DENY_FOREIGN_WRITE, REACTION_DENY)) ?
		       -EPERM :
		       0;
}

/*
 * Is the file the "mem" of a process? Only inodes in /proc/PID have a pid, and there only proc_mem_operations
 * has that name (fs/proc/base.c). Elsewhere other files may have it, such as a network interface called
 * "mem".
 */
static __always_inline bool is_proc_mem(const struct file *file, const struct inode *inode)
{
	const struct proc_inode *proc = container_of(inode, struct proc_inode, vfs_inode);
	char name[4] = {};

	if (!BPF_CORE_READ(proc, pid))
		return false;
	bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == '\0';
}

SEC("lsm/file_permission")
int BPF_PROG(mseald_file_permission, struct file *file, int mask)
{
	const struct mm_struct *mm;
	struct inode *inode;
	u64 key;

	if (likely(!(mask & MAY_WRITE)))
		return 0;
	inode = file->f_inode;
	if (likely(inode->i_sb->s_magic != PROC_SUPER_MAGIC) || !is_proc_mem(file, inode))
		return 0;
	/*
	 * NULL in 6.1 if the process had ended before the open: then reads and writes return end of file.
	 * Read as a number: 7.3 takes a void * for memory, and mm_key_read() could not compute with it.
	 */
	mm = BPF_CORE_READ(file, private_data);
	key = mm_key_read(mm);
	if (likely(space_unsealed(key)))
		return 0;
	return verdict_on_all(key, mm_owner(mm),
			      ATTEMPT(MSEALD_OP_PROC_MEM, MSEALD_DENY_FOREIGN_WRITE, REACTION_DENY)) ?
		       -EPERM :
		       0;
}
