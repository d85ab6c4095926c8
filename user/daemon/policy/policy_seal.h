/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of a policy that the kernel applies itself as a program starts (bpf/exec_seal.bpf.c). */
#pragma once

#include "bpf/coverage.h"
#include "lib/policy/policy.h"

void policy_seal_make(const struct coverage *coverage, const struct policy *policy,
		      struct mseald_policy_seal *ret);

/* Does the kernel also seal the objects that a program loads later? */
bool policy_seal_late(const struct coverage *coverage, const struct policy *policy);

/* Could only a kill deny the unmapping to a 32-bit program? */
bool policy_seal_kills_32(const struct coverage *coverage, const struct policy *policy);

/* The NEED_* of the seals that the kernel may make by the policy at any moment. */
unsigned policy_seal_needs(const struct policy *policy);

/*
 * The deny bits of a policy that are left out for a process on this kernel. With Gate=deny: those that could
 * kill a well-behaved program. For pid 1: those that only SIGKILL enforces.
 */
unsigned policy_seal_spared(const struct coverage *coverage, const struct policy *policy, pid_t pid);
