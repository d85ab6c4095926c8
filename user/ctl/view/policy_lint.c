// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parts of a policy that are valid, but surely unintended. */
#include <glob.h>
#include <sys/stat.h>

#include "ctl/view/policy_lint.h"
#include "lib/base/util.h"
#include "lib/policy/policy.h"

#define LINE_MAX_READ 256 /* of a script, as in the kernel: include/uapi/linux/binfmts.h, BINPRM_BUF_SIZE */

#define WARN(warnings, policy, line, ...) diagnostics_add(warnings, (policy)->path, line, __VA_ARGS__)

/* Reads the beginning of a program, ended by NUL; "" if it cannot be read. */
static void read_beginning(const char *path, char text[LINE_MAX_READ + 1])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t got = fd < 0 ? -1 : read(fd, text, LINE_MAX_READ);

	text[got < 0 ? 0 : got] = '\0';
}

static int warn_script(const struct policy *policy, const struct policy_exe *exe, char *line,
		       struct diagnostics *warnings)
{
	char *rest, *interpreter, *argument;

	line[strcspn(line, "\n")] = '\0';
	interpreter = strtok_r(line + 2, " \t\r", &rest);
	if (!interpreter)
		return 0;
	argument = strtok_r(NULL, " \t\r", &rest);
	while (argument && *argument == '-')
		argument = strtok_r(NULL, " \t\r", &rest);
	if (argument && strcmp(interpreter, "/usr/bin/env") == 0)
		return WARN(warnings, policy, exe->line,
			    "Exe=%s is a script; name its interpreter %s (%s), and Unit= or User=",
			    exe->given, argument, interpreter);
	return WARN(warnings, policy, exe->line,
		    "Exe=%s is a script; name its interpreter %s, and Unit= or User=", exe->given,
		    interpreter);
}

static int warn_file(const char *root, const struct policy *policy, const struct policy_exe *exe,
		     struct diagnostics *warnings)
{
	_cleanup_free_ char *path = FORMAT_NEW("%s%s", root, exe->path);
	char beginning[LINE_MAX_READ + 1];
	struct stat st;

	if (!path)
		return -ENOMEM;
	if (stat(path, &st) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return 0;
		if (strcmp(exe->path, exe->given) == 0)
			return WARN(warnings, policy, exe->line, "Exe=%s does not exist here", exe->given);
		return WARN(warnings, policy, exe->line, "Exe=%s does not exist here (it leads to %s)",
			    exe->given, exe->path);
	}
	if (S_ISDIR(st.st_mode) && exe->kind == POLICY_EXE_FILE)
		return WARN(warnings, policy, exe->line,
			    "Exe=%s is a folder; append / to match the programs in it", exe->given);
	if (exe->kind == POLICY_EXE_FOLDER)
		return S_ISDIR(st.st_mode) ?
			       0 :
			       WARN(warnings, policy, exe->line, "Exe=%s is not a folder", exe->given);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return WARN(warnings, policy, exe->line, "Exe=%s cannot be executed", exe->given);
	read_beginning(path, beginning);
	return strncmp(beginning, "#!", 2) == 0 ? warn_script(policy, exe, beginning, warnings) : 0;
}

/* Does a file of this name exist? For globs of a policy and paths below root alike. 1, 0 or -ENOMEM. */
static int exists(const char *root, const struct policy_exe *exe)
{
	_cleanup_free_ char *path = FORMAT_NEW("%s%s", root, exe->path);
	glob_t found = {};
	int r;

	if (!path)
		return -ENOMEM;
	if (exe->kind != POLICY_EXE_GLOB)
		return access(path, F_OK) == 0;
	r = glob(path, GLOB_NOESCAPE | GLOB_NOSORT, NULL, &found);
	globfree(&found);
	return r == GLOB_NOSPACE ? -ENOMEM : r == 0;
}

static int warn_glob(const char *root, const struct policy *policy, const struct policy_exe *exe,
		     struct diagnostics *warnings)
{
	int r = policy_is_glob(root) ? 1 : exists(root, exe);

	return r == 0 ? WARN(warnings, policy, exe->line, "Exe=%s matches no file here", exe->given) :
			MIN_OF(r, 0);
}

/* systemd names a cgroup by the whole name of its unit. */
static bool has_suffix(const char *unit)
{
	static const char *const suffixes[] = {
		".service", ".scope", ".slice", ".socket", ".mount", ".swap"
	};
	const char *dot = strrchr(unit, '.');

	for (size_t i = 0; dot && i < ELEMENTS(suffixes); i++)
		if (strcmp(dot, suffixes[i]) == 0)
			return true;
	return false;
}

static int warn_units(const struct policy *policy, struct diagnostics *warnings)
{
	int r = 0;

	for (size_t i = 0; i < policy->unit_count && r == 0; i++)
		if (!policy_is_glob(policy->unit[i]) && !has_suffix(policy->unit[i]))
			r = WARN(warnings, policy, policy->unit_line[i],
				 "Unit=%s has no suffix and matches no unit; did you mean %s.service?",
				 policy->unit[i], policy->unit[i]);
	return r;
}

/* "All programs" has one spelling, which readers of policies know. */
static int warn_all(const struct policy *policy, struct diagnostics *warnings)
{
	for (size_t i = 0; i < policy->cgroup_count; i++)
		if (strcmp(policy->cgroup[i], "/") == 0)
			return WARN(warnings, policy, 0,
				    "Cgroup=/ matches every cgroup, and so %s; for all programs write Exe=/",
				    policy->cgroup_count + policy->exe_count + policy->unit_count +
							    policy->user_count + policy->marked ==
						    1 ?
					    "all programs" :
					    "changes nothing");
	return 0;
}

int policy_lint(const char *root, const struct policy *policy, bool ready, struct diagnostics *warnings)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < policy->exe_count && ready; i++)
		any |= exists(root, &policy->exe[i]) != 0;
	if (ready && policy->exe_count && !any)
		return WARN(warnings, policy, 0, "none of the named programs exists here");
	for (size_t i = 0; i < policy->exe_count && r == 0; i++) {
		const struct policy_exe *exe = &policy->exe[i];

		if (ready && !exists(root, exe))
			continue;
		r = exe->kind == POLICY_EXE_GLOB ? warn_glob(root, policy, exe, warnings) :
						   warn_file(root, policy, exe, warnings);
	}
	if (r == 0)
		r = warn_units(policy, warnings);
	return r < 0 ? r : warn_all(policy, warnings);
}

static bool matches_all(const struct policy *policy)
{
	const struct policy all = {
		.exe = &(struct policy_exe){ .path = (char *)"/", .kind = POLICY_EXE_FOLDER }, .exe_count = 1
	};

	return policy_covers(policy, &all);
}

static int warn_hidden(const struct policy_files *files, size_t index, struct diagnostics *warnings)
{
	const struct policy_file *later = &files->list[index];

	for (size_t i = 0; i < index; i++) {
		const struct policy_file *earlier = &files->list[i];

		if (earlier->state == POLICY_FILE_ON && policy_covers(&earlier->policy, &later->policy))
			return WARN(warnings, &later->policy, 0,
				    "policy is never used: %s comes first and matches all its processes%s",
				    earlier->path,
				    matches_all(&earlier->policy) ? "; set Last=yes there" : "");
	}
	return 0;
}

int policy_lint_files(const struct policy_files *files, struct diagnostics *warnings)
{
	int r = 0;

	for (size_t i = 0; i < files->count && r == 0; i++) {
		const struct policy_file *file = &files->list[i];

		if (file->state != POLICY_FILE_ON)
			continue;
		r = warn_hidden(files, i, warnings);
		if (r == 0 && file->folder == 0 && !file->link && !file->policy.enabled)
			r = WARN(warnings, &file->policy, 0,
				 "policy is on despite Enabled=no, like all files of this folder; rename "
				 "or remove it");
	}
	return r;
}
