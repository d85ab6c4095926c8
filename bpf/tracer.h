/* SPDX-License-Identifier: GPL-2.0-only */
/* Who traces a task (ptrace(2)). */
#pragma once

#include "quota.h"

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

struct task_struct___real_cred {
	const struct cred *real_cred;
} __attribute__((preserve_access_index));

/*
 * Could the kernel let one task trace the other (kernel/ptrace.c, __ptrace_may_access)? It decides when the
 * attach has the mutex, so any user can take the mutex of any process for a moment, over and over.
 */
static __always_inline bool could_trace(struct task_struct *tracer, struct task_struct *task)
{
	struct task_struct___real_cred *real = (void *)task;
	const struct cred *cred = BPF_CORE_READ(tracer, cred), *other = BPF_CORE_READ(real, real_cred);
	struct user_namespace *ns = BPF_CORE_READ(cred, user_ns), *other_ns = BPF_CORE_READ(other, user_ns);

	if (BPF_CORE_READ(cred, uid.val) == BPF_CORE_READ(other, uid.val))
		return true;
	return ns == other_ns ? capabilities(&cred->cap_effective) & 1ULL << CAP_SYS_PTRACE :
				BPF_CORE_READ(ns, level) < BPF_CORE_READ(other_ns, level);
}

#define OWNER_FLAGS 7 /* kernel/locking/mutex.c, MUTEX_FLAGS: some wait for it */

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
	owner &= ~(u64)OWNER_FLAGS;
	if (owner && could_trace((struct task_struct *)owner, task))
		return MSEALD_TRACER_COMING;
	return BPF_CORE_READ(task, ptrace) ? BPF_CORE_READ(task, parent, tgid) : 0;
}
