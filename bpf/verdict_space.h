/* SPDX-License-Identifier: GPL-2.0-only */
/* An attempt on the address space of another process, or on a whole one, where no range is known. */
#pragma once

#include "verdict.h"

/* Only with CONFIG_MEMCG (include/linux/mm_types.h). */
struct mm_struct___memcg {
	struct task_struct *owner;
} __attribute__((preserve_access_index));

/* The task that fork made the address space for, the key of pending_forks (kernel/fork.c, mm_init_owner). */
static __always_inline u64 mm_owner(const struct mm_struct *mm)
{
	const struct mm_struct___memcg *memcg = (const void *)mm;

	if (bpf_core_field_exists(memcg->owner))
		return (u64)BPF_CORE_READ(memcg, owner);
	return 0;
}

/* Judges an attempt on a whole address space that is not surely unsealed. Nonzero: it must fail. */
static __always_inline int verdict_on_all(u64 key, u64 owner, u32 attempt)
{
	u32 set = space_set_of(key, owner);
	int r = 0;

	if (set && verdict_seals_meet_called(set, 0, MSEALD_ADDRESS_LIMIT, ATTEMPT_DENY(attempt)))
		r = verdict_in(key, 0, MSEALD_ADDRESS_LIMIT, set, attempt);
	set_let_go(set);
	return r;
}
