// SPDX-License-Identifier: GPL-2.0-only
/*
 * iter/task: which address space each task has. The daemon reads it for one
 * process (link filtered by pid: 6.1 and later) or for all of them.
 * iter/task_vma: the flags of a process's mappings, which /proc/PID/maps does
 * not show, and smaps only at the cost of walking all page tables.
 */
#include "space.h"

SEC("iter/task")
int mseald_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct mseald_task out = {};

	if (!task)
		return 0;
	out.pid = task->pid;
	out.tgid = task->tgid;
	out.flags = task->flags;
	out.exec_id = task->self_exec_id;
	out.start_time = task->group_leader->start_boottime;
	/* So that a child that was never settled is not sealed anew without what it was born with. */
	if (unlikely(*(volatile u64 *)&state.unsettled) && out.pid == out.tgid)
		(void)birth_settle((u64)task, space_key(task->mm));
	/* A kernel thread may have borrowed an mm (kthread_use_mm), a zombie has none. */
	out.key = space_key(task->mm);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

SEC("iter/task_vma")
int mseald_vmas(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct mseald_vma out;

	if (!ctx->task || !vma)
		return 0;
	out.start = vma->vm_start;
	out.end = vma->vm_end;
	out.flags = vma->vm_flags;
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}
