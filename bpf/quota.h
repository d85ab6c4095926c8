/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The number of entries of `spaces` that a user may have. Each fork of a sealed process takes an entry.
 * Without a quota one user could take them all: other users could not be sealed, nor fork when sealed. Over
 * quota the fork fails, so a child is never unsealed.
 */
#pragma once

#include "maps.h"

#define USER_LEVELS 33 /* nested user namespaces (kernel/user_namespace.c, create_user_ns) */

static __always_inline u64 capabilities(const void *field)
{
	u64 bits = 0;

	/* Two words of 32 bits before 6.3 (include/linux/capability.h): the same bytes. */
	bpf_core_read(&bits, sizeof(bits), field);
	return bits;
}

/*
 * The account of a process is its real user. In a user namespace it is the user who made the outermost
 * namespace, unless root, since all users in it are theirs. A process that RLIMIT_NPROC does not bind has no
 * account (kernel/fork.c, copy_process). user/daemon/api/client.c has the same rule for connections.
 */
static __noinline __attribute__((unused)) u32 account_of(struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct user_namespace *ns = BPF_CORE_READ(cred, user_ns);
	u32 owner = 0;

	if (!BPF_CORE_READ(ns, level) &&
	    capabilities(&cred->cap_effective) & (1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SYS_RESOURCE))
		return MSEALD_ACCOUNT_NONE;
	for (int i = 0; i < USER_LEVELS && BPF_CORE_READ(ns, level) > 0; i++) {
		owner = BPF_CORE_READ(ns, owner.val);
		ns = BPF_CORE_READ(ns, parent);
	}
	return owner ? owner : BPF_CORE_READ(cred, uid.val);
}

/*
 * Charges one address space to *account. Returns false if the account is limited and over quota. Sets
 * *account to MSEALD_ACCOUNT_NONE if it is not limited and cannot be counted.
 */
bool quota_take(u32 *account, bool limited);

/* No loop needed: the usage of an account is not removed while any address space is charged to it. */
static __always_inline void quota_give(u32 account)
{
	u64 *usage;

	if (account == MSEALD_ACCOUNT_NONE)
		return;
	__sync_fetch_and_add(&state.charged, -1);
	usage = bpf_map_lookup_elem(&accounts, &account);
	if (usage)
		__sync_fetch_and_add(usage, -1);
}
