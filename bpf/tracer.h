/* SPDX-License-Identifier: GPL-2.0-only */
/* Who traces a task (ptrace(2)). */
#pragma once

#include "maps.h"

/* A mutex, without and with CONFIG_PREEMPT_RT (include/linux/mutex_types.h). */
struct signal_struct___mutex {
	struct {
		struct {
			s64 counter;
		} owner;
	} cred_guard_mutex;
} __attribute__((preserve_access_index));

struct signal_struct___rtmutex {
	struct {
		struct {
			struct task_struct *owner;
		} rtmutex;
	} cred_guard_mutex;
} __attribute__((preserve_access_index));

/*
 * The tracer of the task. An attach holds the mutex from before the LSM hook until the tracer is linked
 * (kernel/ptrace.c, ptrace_attach); so does exec. The mutex is read first: if it is free, any tracer that the
 * hook has allowed is linked.
 */
static __always_inline u32 tracer_of(struct task_struct *task)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct signal_struct___mutex *plain = (void *)signal;
	struct signal_struct___rtmutex *rt = (void *)signal;
	u64 owner;

	if (bpf_core_field_exists(plain->cred_guard_mutex.owner))
		owner = BPF_CORE_READ(plain, cred_guard_mutex.owner.counter);
	else
		owner = (u64)BPF_CORE_READ(rt, cred_guard_mutex.rtmutex.owner);
	if (owner)
		return MSEALD_TRACER_COMING;
	return BPF_CORE_READ(task, ptrace) ? BPF_CORE_READ(task, parent, tgid) : 0;
}
