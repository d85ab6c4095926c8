// SPDX-License-Identifier: GPL-2.0-only
/*
 * Iterators that the daemon reads.
 *
 *   iter/task      the address space of each task of one process (a link filtered by pid: 6.1 and later),
 *                  or of all
 *   iter/task_vma  flags and files of a process's mappings: /proc/PID/maps does not show them, and smaps
 *                  only at the cost of walking all page tables
 */
#include "file.h"
#include "space.h"
#include "tracer.h"

/*
 * Has a child whose fork is pending got its entry? With MSEALD_KEYS_RETURN an older one is that of an earlier
 * address space. Its own must not seem to be without a process: the daemon removes such entries.
 */
static __always_inline bool has_entry(const u64 *key, const struct task_struct *child)
{
	struct mseald_space *space = bpf_map_lookup_elem(&spaces, key);

#ifdef MSEALD_KEYS_RETURN
	return space && *(volatile u64 *)&space->born >= child->start_boottime;
#else
	return space;
#endif
}

SEC("iter/task")
int mseald_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct mseald_task out = {};
	u64 name = (u64)task;
	struct task_struct *leader;

	if (!task)
		return 0;
	leader = task->group_leader;
	out.pid = task->pid;
	out.tgid = task->tgid;
	out.flags = task->flags;
	out.exec_id = task->self_exec_id;
	out.start_time = leader->start_boottime;
	/*
	 * Not task->active_mm: a kernel thread may have borrowed an mm (kthread_use_mm). A zombie has none.
	 */
	out.key = space_key(task->mm);
	/*
	 * Without this the daemon would seal a child with a pending fork anew, without the seals of its
	 * parent.
	 */
	if (unlikely(*(volatile u64 *)&state.pending_forks) && out.pid == out.tgid)
		(void)space_fork_finish(&name, out.key);
	/* Another program is finishing this fork. Without a key the daemon finds nothing to seal yet. */
	if (unlikely(space_fork_is_pending(&name)) && !has_entry(&out.key, task))
		out.key = 0;
	out.tracer = tracer_of(task);
	out.account = account_of(task);
	bpf_probe_read_kernel_str(out.comm, sizeof(out.comm), leader->comm);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

struct vm_operations_struct___uffd {
	const void *uffd_ops;
} __attribute__((preserve_access_index));

/*
 * Anonymous memory, shmem, hugetlb (include/linux/userfaultfd_k.h, vma_can_userfault); in 7.3 every mapping
 * with uffd_ops (mm/userfaultfd.c). Whether it is registered is not checked: the process may do so later.
 */
static __always_inline bool can_userfault(struct vm_area_struct *vma)
{
	const struct vm_operations_struct___uffd *ops = (const void *)BPF_CORE_READ(vma, vm_ops);
	u32 magic;

	if (!ops)
		return true;
	if (bpf_core_field_exists(ops->uffd_ops) && BPF_CORE_READ(ops, uffd_ops))
		return true;
	magic = BPF_CORE_READ(vma, vm_file, f_inode, i_sb, s_magic);
	return magic == TMPFS_MAGIC || magic == HUGETLBFS_MAGIC;
}

static __always_inline void look_at_file(const struct vm_area_struct *vma, struct mseald_vma *out)
{
	struct inode___file *file = regular_file(mapped_file(vma), &out->inode);

	if (!file)
		return;
	out->written = file_may_be_written(file, file_is_memory(file));
	out->generation = file->i_generation;
	out->owner = BPF_CORE_READ(file, i_uid.val);
	out->shared = BPF_CORE_READ(file, i_mapping, i_mmap_writable.counter) > 0;
}

SEC("iter/task_vma")
int mseald_vmas(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct mseald_vma out = {};

	if (!ctx->task || !vma)
		return 0;
	out.start = vma->vm_start;
	out.end = vma->vm_end;
	out.flags = vma->vm_flags;
	out.userfault = can_userfault(vma);
	look_at_file(vma, &out);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}
