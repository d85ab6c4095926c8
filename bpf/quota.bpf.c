// SPDX-License-Identifier: GPL-2.0-only
/* See quota.h. No hooks: a global function, which the verifier checks once in each program. */
#include "quota.h"

static __always_inline u64 *usage_of(u32 account)
{
	u64 fresh = MSEALD_USAGE(account, 0), *usage = bpf_map_lookup_elem(&accounts, &account);

	if (usage)
		return usage;
	(void)bpf_map_update_elem(&accounts, &account, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&accounts, &account);
}

enum usage { USAGE_BUSY, USAGE_TAKEN, USAGE_OVER };

/* Tries once to charge one more address space to the account. */
__noinline int quota_usage_try(u32 account, bool limited)
{
	u64 *usage = usage_of(account), seen;

	if (!usage)
		return USAGE_OVER;
	seen = *(volatile u64 *)usage;
	/* The daemon is removing it, as it was empty; or the element has been reused for another account. */
	if (!MSEALD_USAGE_IS(seen, account))
		return USAGE_BUSY;
	if (limited && MSEALD_USAGE_SPACES(seen) >= *(volatile u32 *)&state.quota_each)
		return USAGE_OVER;
	return __sync_val_compare_and_swap(usage, seen, seen + 1) == seen ? USAGE_TAKEN : USAGE_BUSY;
}

/* False: the account is at its limit, or cannot be counted. */
static __always_inline bool usage_take(u32 account, bool limited)
{
	int usage = USAGE_BUSY;

	for (int i = 0; usage == USAGE_BUSY && i < 32; i++)
		usage = quota_usage_try(account, limited);
	return usage == USAGE_TAKEN;
}

__noinline bool quota_take(u32 *account, bool limited)
{
	u32 who;

	if (!account)
		return false;
	who = *account;
	if (who == MSEALD_ACCOUNT_NONE)
		return true;
	if (__sync_fetch_and_add(&state.charged, 1) >= MSEALD_QUOTA_USERS && limited) {
		__sync_fetch_and_add(&state.charged, -1);
		return false;
	}
	if (usage_take(who, limited))
		return true;
	__sync_fetch_and_add(&state.charged, -1);
	*account = MSEALD_ACCOUNT_NONE;
	return !limited;
}
