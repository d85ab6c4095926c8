// SPDX-License-Identifier: LGPL-2.1-or-later
/* See policy_seal.h. */
#include "policy/policy_seal.h"

#include "lib/base/util.h"
#include "seal/labels.h"

#define SEGMENTS \
	(1u << MSEALD_SEGMENT_TEXT | 1u << MSEALD_SEGMENT_RODATA | 1u << MSEALD_SEGMENT_RELRO | \
	 1u << MSEALD_SEGMENT_DATA | 1u << MSEALD_SEGMENT_VDSO)

/* The daemon adds file-write: it counts the seals that deny a file to all processes (seal/file_map.h). */
static unsigned deny_of(const struct policy *policy)
{
	return policy->seal.deny & ~(unsigned)MSEALD_DENY_FILE_WRITE;
}

/* A program may unload such an object at any time. The unload must be refused, without a kill. */
bool policy_seal_late(const struct coverage *coverage, const struct policy *policy)
{
	return policy->seal.dlopen &&
	       (policy->seal.action == MSEALD_ACTION_AUDIT ||
		(policy->seal.deny & MSEALD_DENY_UNMAP && policy->seal.action == MSEALD_ACTION_DENY &&
		 !coverage_kills(coverage, MSEALD_DENY_UNMAP)));
}

bool policy_seal_kills_32(const struct coverage *coverage, const struct policy *policy)
{
	return policy->seal.action == MSEALD_ACTION_DENY &&
	       coverage->compat_kills & policy->seal.deny & MSEALD_DENY_UNMAP;
}

void policy_seal_make(const struct coverage *coverage, const struct policy *policy,
		      struct mseald_policy_seal *ret)
{
	unsigned shift = MSEALD_RULE_SHIFT(policy->seal.action), deny = deny_of(policy);

	*ret = (struct mseald_policy_seal){ .segments = policy->seal.segments & SEGMENTS };
	FORMAT(ret->name, "%s", policy->name);
	ret->name_hash = labels_hash(ret->name, strlen(ret->name));
	/* Marked objects are known by their files only. */
	if (!ret->segments || policy->marked)
		return;
	if (policy->seal.gate == POLICY_GATE_DENY)
		deny &= ~coverage_kills(coverage, policy->seal.deny);
	ret->rule = (uint64_t)deny << shift;
	/* Writable memory need not be protected from being discarded. */
	ret->data_rule = (uint64_t)(deny & ~(unsigned)MSEALD_DENY_DISCARD) << shift;
	/* Data ends with memory that has no file. Of files the kernel finds out. */
	if (ret->data_rule && policy->seal.segments & 1u << MSEALD_SEGMENT_DATA)
		ret->data_rule |= MSEALD_RULE_UFFD;
	if (policy->seal.dlopen)
		ret->flags |= policy_seal_late(coverage, policy) ? MSEALD_POLICY_LATE : MSEALD_POLICY_REPORT;
	if (ret->flags & MSEALD_POLICY_LATE && policy_seal_kills_32(coverage, policy))
		ret->flags |= MSEALD_POLICY_LATE_64;
	if (policy->seal.deny & MSEALD_DENY_FILE_WRITE)
		ret->flags |= MSEALD_POLICY_MORE;
	if (policy->seal.action == MSEALD_ACTION_DENY && coverage_spares_32bit(coverage, policy->seal.deny))
		ret->flags |= MSEALD_POLICY_NOT_32;
}

unsigned policy_seal_needs(const struct policy *policy)
{
	return policy->seal.segments && !policy->marked ? coverage_needs(deny_of(policy)) : 0;
}

unsigned policy_seal_spared(const struct coverage *coverage, const struct policy *policy, pid_t pid)
{
	unsigned deny = policy->seal.deny, spared = 0;

	if (policy->seal.gate == POLICY_GATE_DENY)
		spared |= coverage_kills(coverage, deny);
	if (pid == 1 && policy->seal.action == MSEALD_ACTION_DENY)
		spared |= coverage_kill_only(coverage, deny);
	return spared;
}
