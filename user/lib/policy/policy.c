/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frees policies: see policy.h. */
#include "lib/policy/policy.h"

void policy_clear_exe(struct policy *policy)
{
	for (size_t i = 0; i < policy->exe_count; i++) {
		free(policy->exe[i].given);
		free(policy->exe[i].path);
	}
	free(policy->exe);
	policy->exe = NULL;
	policy->exe_count = 0;
}

void policy_clear_unit(struct policy *policy)
{
	for (size_t i = 0; i < policy->unit_count; i++)
		free(policy->unit[i]);
	free(policy->unit);
	free(policy->unit_line);
	policy->unit = NULL;
	policy->unit_line = NULL;
	policy->unit_count = 0;
}

void policy_clear_cgroup(struct policy *policy)
{
	for (size_t i = 0; i < policy->cgroup_count; i++)
		free(policy->cgroup[i]);
	free(policy->cgroup);
	policy->cgroup = NULL;
	policy->cgroup_count = 0;
}

void policy_clear_user(struct policy *policy)
{
	free(policy->user);
	policy->user = NULL;
	policy->user_count = 0;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	free(policy->name);
	free(policy->path);
	free(policy->description);
	policy_clear_exe(policy);
	policy_clear_unit(policy);
	policy_clear_cgroup(policy);
	policy_clear_user(policy);
	*policy = (struct policy){};
}
