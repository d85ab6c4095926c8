/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The system call of the current task, and its arguments. The range of a call is in the user registers only.
 * They are final once a hook runs (after ptrace and seccomp) and no other thread can change them; user memory
 * is never read. The ABI is determined first: the call number depends on it.
 *
 * io_uring workers hold stale registers of their creator (kernel/fork.c, copy_thread) and are in no call.
 */
#pragma once

#include "arch.h"
#include "maps.h"

struct call_site {
	const struct pt_regs *regs;
	enum call call;
	bool compat;
};

static __always_inline struct call_site call_site_of(struct task_struct *task)
{
	struct call_site site = { .regs = (const struct pt_regs *)bpf_task_pt_regs(task) };

	if (unlikely(task->flags & PF_IO_WORKER))
		return site;
	site.compat = task_in_compat(task);
	site.call = regs_call(site.regs, site.compat);
	return site;
}

static __always_inline u64 call_arg(const struct call_site *site, int n)
{
	return regs_arg(site->regs, site->compat, n);
}
