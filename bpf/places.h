/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who takes the places in `spaces`. Each fork of a sealed process takes one, so without a bound one
 * user could take all of them, and nobody else could be sealed, nor fork when sealed. What is over the bound
 * is a fork that fails, never a child that is not sealed.
 */
#ifndef MSEALD_BPF_PLACES_H
#define MSEALD_BPF_PLACES_H

#include "maps.h"

#define CAP_SYS_ADMIN 21
#define CAP_SYS_RESOURCE 24
#define USER_LEVELS 33	/* user namespaces in one another (kernel/user_namespace.c, create_user_ns) */

static __always_inline u64 capabilities(const void *field)
{
	u64 bits = 0;

	/* Two words of 32 bits before 6.3 (include/linux/capability.h): the same bytes. */
	bpf_core_read(&bits, sizeof(bits), field);
	return bits;
}

/*
 * Whose account a process is on: its real user's; in a user namespace that of who made the
 * outermost one, if not root, since all users there are his. Nobody's: who may go beyond limits of processes too
 * (kernel/fork.c, copy_process). user/daemon/api/client.c has the same rule for connections.
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

static __always_inline u64 *purse_of(u32 account)
{
	u64 fresh = MSEALD_PURSE(account, 0), *purse = bpf_map_lookup_elem(&accounts, &account);

	if (purse)
		return purse;
	(void)bpf_map_update_elem(&accounts, &account, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&accounts, &account);
}

/* One more for an account; false when it has as many as it may, or cannot be counted. */
static __always_inline bool purse_take(u32 account, bool limited)
{
	u64 *purse = purse_of(account), seen;
	u32 most = *(volatile u32 *)&state.places_each;

	for (int i = 0; purse && i < 32; i++) {
		seen = *(volatile u64 *)purse;
		/* The daemon is removing it, as it was empty; or the element is another's by now. */
		if (!MSEALD_PURSE_IS(seen, account)) {
			purse = purse_of(account);
			continue;
		}
		if (limited && MSEALD_PURSE_PLACES(seen) >= most)
			return false;
		if (__sync_val_compare_and_swap(purse, seen, seen + 1) == seen)
			return true;
	}
	return false;
}

/* Takes a place. The account that has it then, in *account: nobody's where it need not, and cannot, be counted. */
static __noinline __attribute__((unused)) bool place_take(u32 *account, bool limited)
{
	u32 who;

	if (!account)
		return false;
	who = *account;
	if (who == MSEALD_ACCOUNT_NONE)
		return true;
	if (__sync_fetch_and_add(&state.places, 1) >= MSEALD_MAX_PLACES_USERS && limited) {
		__sync_fetch_and_add(&state.places, -1);
		return false;
	}
	if (purse_take(who, limited))
		return true;
	__sync_fetch_and_add(&state.places, -1);
	*account = MSEALD_ACCOUNT_NONE;
	return !limited;
}

/* While a place is taken its purse is not removed, so this needs no care. */
static __always_inline void place_give(u32 account)
{
	u64 *purse;

	if (account == MSEALD_ACCOUNT_NONE)
		return;
	__sync_fetch_and_add(&state.places, -1);
	purse = bpf_map_lookup_elem(&accounts, &account);
	if (purse)
		__sync_fetch_and_add(purse, -1);
}

#endif
