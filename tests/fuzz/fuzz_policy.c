/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a policy give a safe policy, or printable faults. Never both. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/names.h"
#include "lib/policy/policy.h"
#include "lib/base/util.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_faults(const struct diagnostics *faults, size_t lines)
{
	CHECK(faults->count > 0 && faults->count <= 21);
	for (size_t i = 0; i < faults->count; i++) {
		_cleanup_free_ char *text = diagnostic_text(&faults->list[i]);

		CHECK(text && faults->list[i].line <= lines && *faults->list[i].message);
		for (const char *c = text; *c; c++)
			CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

static void check_exe(const struct policy *policy)
{
	for (size_t i = 0; i < policy->exe_count; i++) {
		const struct policy_exe *exe = &policy->exe[i];
		size_t length = strlen(exe->path);

		CHECK(exe->given[0] == '/' && exe->path[0] == '/' && length < POLICY_PATH_MAX &&
		      exe->line > 0);
		CHECK((exe->kind == POLICY_EXE_FOLDER) ==
		      (exe->path[length - 1] == '/' && exe->kind != POLICY_EXE_FILE));
		CHECK(!strstr(exe->path, "/../") && !strstr(exe->path, "//"));
	}
}

static void check_policy(const struct policy *policy)
{
	CHECK(policy->name && policy->path);
	CHECK(policy->exe_count + policy->unit_count + policy->cgroup_count + policy->user_count > 0 ||
	      policy->marked);
	CHECK(policy->exe_count <= PARSER_VALUES_MAX && policy->unit_count <= PARSER_VALUES_MAX);
	CHECK(policy->cgroup_count <= PARSER_VALUES_MAX && policy->user_count <= PARSER_VALUES_MAX);
	CHECK((policy->seal.segments & ~MSEALD_SEGMENTS_ALL) == 0);
	CHECK(policy->seal.deny != 0 && (policy->seal.deny & ~(unsigned)MSEALD_DENY_ALL) == 0);
	CHECK(policy->seal.action < MSEALD_ACTION_COUNT && policy->seal.gate <= POLICY_GATE_DENY);
	for (size_t i = 0; i < policy->cgroup_count; i++)
		CHECK(policy->cgroup[i][0] == '/' &&
		      (!policy->cgroup[i][1] || policy->cgroup[i][strlen(policy->cgroup[i]) - 1] != '/'));
	for (size_t i = 0; i < policy->unit_count; i++)
		CHECK(!strchr(policy->unit[i], '/') && policy->unit_line[i] > 0);
	check_exe(policy);
}

/* A policy matches the programs that it names itself. */
static void check_match(struct policy *policy)
{
	const struct policies policies = { policy, 1 };
	struct policy_facts facts = {
		.exe = "/usr/bin/x", .cgroup = "/a.slice/b.service", .user = 7, .marked = true
	};
	_cleanup_free_ char *why = NULL;
	const struct policy *found;

	found = policies_match(&policies, &facts, &why);
	CHECK(!!found == policy_matches(policy, &facts) && !!found == !!why);
	CHECK(policy_covers(policy, policy));
	if (policy->exe_count && policy->exe[0].kind == POLICY_EXE_FILE && !policy->unit_count) {
		facts.exe = policy->exe[0].path;
		facts.cgroup = policy->cgroup_count ? policy->cgroup[0] : NULL;
		facts.user = policy->user_count ? policy->user[0] : 0;
		CHECK(policy_matches(policy, &facts));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diagnostics faults = {};
	struct policy policy;
	size_t lines = 1;
	int r;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	/* The root is missing: neither links nor users of this machine are used. */
	r = policy_parse_for("/nonexistent", "fuzz.conf", (const char *)data, size, &policy, &faults);
	if (r < 0) {
		CHECK(r == -EINVAL);
		check_faults(&faults, lines);
	} else {
		CHECK(r == 0 && faults.count == 0);
		check_policy(&policy);
		check_match(&policy);
		policy_free(&policy);
	}
	diagnostics_free(&faults);
	return 0;
}
