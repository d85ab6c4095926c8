// SPDX-License-Identifier: GPL-2.0-only
/*
 * iter/task: which address space each task has. The daemon reads it for one
 * process (link filtered by pid: 6.1 and later) or for all of them.
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
	/* A kernel thread may have borrowed an mm (kthread_use_mm), a zombie has none. */
	out.key = space_key(task->mm);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}
