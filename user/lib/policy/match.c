/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the policy that applies to a program, and policies that never apply because an earlier one matches
 * first.
 */
#include <fnmatch.h>
#include <stdarg.h>

#include "lib/base/util.h"
#include "lib/policy/policy.h"

/* A backslash is a plain character: systemd writes names of units with it. */
#define GLOB_FLAGS FNM_NOESCAPE

int policy_compare(const struct policy *a, const struct policy *b)
{
	return a->last != b->last ? a->last - b->last : strcmp(a->name, b->name);
}

bool policy_is_glob(const char *text)
{
	return text[strcspn(text, "*?[")] != '\0';
}

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool exe_matches(const struct policy_exe *exe, const char *path)
{
	switch (exe->kind) {
	case POLICY_EXE_FILE: return strcmp(exe->path, path) == 0;
	case POLICY_EXE_FOLDER: return has_prefix(path, exe->path) && path[strlen(exe->path)] != '\0';
	case POLICY_EXE_GLOB: return fnmatch(exe->path, path, GLOB_FLAGS | FNM_PATHNAME) == 0;
	}
	return false;
}

/* Has a cgroup on the path the name of the unit? */
static bool unit_matches(const char *unit, const char *cgroup)
{
	bool glob = policy_is_glob(unit);
	char name[256]; /* NAME_MAX, and the NUL */

	while (*(cgroup += strspn(cgroup, "/"))) {
		size_t length = strcspn(cgroup, "/");

		if (length < sizeof(name)) {
			memcpy(name, cgroup, length);
			name[length] = '\0';
			if (glob ? fnmatch(unit, name, GLOB_FLAGS) == 0 : strcmp(unit, name) == 0)
				return true;
		}
		cgroup += length;
	}
	return false;
}

/* Is it this cgroup, or one below? */
static bool cgroup_matches(const char *wanted, const char *cgroup)
{
	size_t length = strlen(wanted);

	if (strcmp(wanted, "/") == 0)
		return true;
	return has_prefix(cgroup, wanted) && (cgroup[length] == '\0' || cgroup[length] == '/');
}

/* --- index of the value of a key that matches; 0: key not given; -1: none --- */

static ssize_t match_exe(const struct policy *policy, const char *path)
{
	for (size_t i = 0; path && i < policy->exe_count; i++)
		if (exe_matches(&policy->exe[i], path))
			return (ssize_t)i;
	return policy->exe_count ? -1 : 0;
}

static ssize_t match_unit(const struct policy *policy, const char *cgroup)
{
	for (size_t i = 0; cgroup && i < policy->unit_count; i++)
		if (unit_matches(policy->unit[i], cgroup))
			return (ssize_t)i;
	return policy->unit_count ? -1 : 0;
}

static ssize_t match_cgroup(const struct policy *policy, const char *cgroup)
{
	for (size_t i = 0; cgroup && i < policy->cgroup_count; i++)
		if (cgroup_matches(policy->cgroup[i], cgroup))
			return (ssize_t)i;
	return policy->cgroup_count ? -1 : 0;
}

static ssize_t match_user(const struct policy *policy, uid_t user)
{
	for (size_t i = 0; i < policy->user_count; i++)
		if (policy->user[i] == user)
			return (ssize_t)i;
	return policy->user_count ? -1 : 0;
}

struct reasons {
	ssize_t exe, unit, cgroup, user;
};

static bool matches(const struct policy *policy, const struct policy_facts *facts, struct reasons *ret)
{
	*ret = (struct reasons){
		.exe = match_exe(policy, facts->exe),
		.unit = match_unit(policy, facts->cgroup),
		.cgroup = match_cgroup(policy, facts->cgroup),
		.user = match_user(policy, facts->user),
	};
	return ret->exe >= 0 && ret->unit >= 0 && ret->cgroup >= 0 && ret->user >= 0 &&
	       (!policy->marked || facts->marked);
}

bool policy_matches(const struct policy *policy, const struct policy_facts *facts)
{
	struct reasons reasons;

	return matches(policy, facts, &reasons);
}

static void reason(FILE *out, bool *begun, const char *format, ...) _printf_(3, 4);

static void reason(FILE *out, bool *begun, const char *format, ...)
{
	va_list arguments;

	(void)fprintf(out, "%s", *begun ? ", " : "");
	*begun = true;
	va_start(arguments, format);
	(void)vfprintf(out, format, arguments);
	va_end(arguments);
}

/* Malloc'ed; NULL: no memory. */
static char *explain(const struct policy *policy, const struct reasons *reasons)
{
	bool begun = false;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (policy->exe_count)
		reason(out, &begun, "Exe=%s", policy->exe[reasons->exe].given);
	if (policy->unit_count)
		reason(out, &begun, "Unit=%s", policy->unit[reasons->unit]);
	if (policy->cgroup_count)
		reason(out, &begun, "Cgroup=%s", policy->cgroup[reasons->cgroup]);
	if (policy->user_count)
		reason(out, &begun, "User=%u", policy->user[reasons->user]);
	if (policy->marked)
		reason(out, &begun, "Marked=yes");
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

const struct policy *policies_match(const struct policies *policies, const struct policy_facts *facts,
				    char **ret_why)
{
	struct reasons reasons;

	for (size_t i = 0; i < policies->count; i++) {
		if (!matches(&policies->list[i], facts, &reasons))
			continue;
		if (ret_why)
			*ret_why = explain(&policies->list[i], &reasons);
		return &policies->list[i];
	}
	if (ret_why)
		*ret_why = NULL;
	return NULL;
}

/* --- does an earlier policy match everything that a later one does? --- */

static bool exe_covers(const struct policy_exe *earlier, const struct policy_exe *later)
{
	if (earlier->kind == later->kind && strcmp(earlier->path, later->path) == 0)
		return true;
	if (earlier->kind == POLICY_EXE_FOLDER && later->kind == POLICY_EXE_GLOB)
		return has_prefix(later->path, earlier->path);
	if (earlier->kind == POLICY_EXE_FOLDER && later->kind == POLICY_EXE_FOLDER)
		return has_prefix(later->path, earlier->path);
	return later->kind == POLICY_EXE_FILE && exe_matches(earlier, later->path);
}

static bool exes_cover(const struct policy *earlier, const struct policy *later)
{
	for (size_t i = 0; i < later->exe_count; i++) {
		size_t j = 0;

		while (j < earlier->exe_count && !exe_covers(&earlier->exe[j], &later->exe[i]))
			j++;
		if (j == earlier->exe_count)
			return false;
	}
	return later->exe_count > 0;
}

static bool units_cover(const struct policy *earlier, const struct policy *later)
{
	for (size_t i = 0; i < later->unit_count; i++) {
		const char *unit = later->unit[i];
		size_t j = 0;

		while (j < earlier->unit_count && strcmp(earlier->unit[j], unit) != 0 &&
		       (policy_is_glob(unit) || !unit_matches(earlier->unit[j], unit)))
			j++;
		if (j == earlier->unit_count)
			return false;
	}
	return later->unit_count > 0;
}

static bool cgroups_cover(const struct policy *earlier, const struct policy *later)
{
	for (size_t i = 0; i < later->cgroup_count; i++)
		if (match_cgroup(earlier, later->cgroup[i]) < 0)
			return false;
	return later->cgroup_count > 0;
}

static bool users_cover(const struct policy *earlier, const struct policy *later)
{
	for (size_t i = 0; i < later->user_count; i++)
		if (match_user(earlier, later->user[i]) < 0)
			return false;
	return later->user_count > 0;
}

bool policy_covers(const struct policy *earlier, const struct policy *later)
{
	return (!earlier->exe_count || exes_cover(earlier, later)) &&
	       (!earlier->unit_count || units_cover(earlier, later)) &&
	       (!earlier->cgroup_count || cgroups_cover(earlier, later)) &&
	       (!earlier->user_count || users_cover(earlier, later)) && (!earlier->marked || later->marked);
}
