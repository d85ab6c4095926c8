// SPDX-License-Identifier: LGPL-2.1-or-later
/* See targets.h. */
#include <ctype.h>

#include "ctl/base/error.h"
#include "ctl/base/options.h"
#include "ctl/base/targets.h"
#include "lib/base/util.h"
#include "lib/policy/policy.h"

void targets_free(struct targets *targets)
{
	free(targets->names);
	free(targets->list);
	*targets = (struct targets){};
}

bool targets_given(const struct targets *targets)
{
	return targets->count || targets->name_count;
}

bool targets_take(struct targets *targets, int option, const char *value, int *ret_status)
{
	struct targets_name *names;

	if (option != TARGETS_OPTION_UNIT && option != TARGETS_OPTION_COMM)
		return false;
	*ret_status = 0;
	names = reallocarray(targets->names, targets->name_count + 1, sizeof(*names));
	if (names) {
		targets->names = names;
		names[targets->name_count++] = (struct targets_name){ option, value };
	} else {
		*ret_status = error_out_of_memory();
	}
	return true;
}

static int add(struct targets *targets, pid_t pid)
{
	pid_t *list;

	for (size_t i = 0; i < targets->count; i++)
		if (targets->list[i] == pid)
			return 0;
	list = reallocarray(targets->list, targets->count + 1, sizeof(*list));
	if (!list)
		return error_out_of_memory();
	targets->list = list;
	list[targets->count++] = pid;
	return 0;
}

int targets_parse(const struct ctl *ctl, struct targets *targets, int argc, char **argv, bool needed)
{
	for (; optind < argc; optind++) {
		const char *word = argv[optind];
		bool first = needed && !targets_given(targets), number = *word;
		pid_t pid;
		int r;

		for (const char *c = word; *c; c++)
			number &= isdigit((unsigned char)*c) != 0;
		if (!number && !first)
			break;
		r = options_parse_pid(ctl, word, &pid);
		if (r)
			return r;
		r = add(targets, pid);
		if (r)
			return r;
	}
	return needed && !targets_given(targets) ? error_usage(ctl, "no PID given") : 0;
}

int targets_parse_all(const struct ctl *ctl, struct targets *targets, int argc, char **argv)
{
	pid_t pid;
	int r = targets_parse(ctl, targets, argc, argv, false);

	return !r && optind < argc ? options_parse_pid(ctl, argv[optind], &pid) : r;
}

/* --- processes by name --- */

/* Reads /proc/PID/NAME, up to size - 1 bytes, into text; "" if it cannot be read. */
static void read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	_cleanup_free_ char *path = FORMAT_NEW("/proc/%d/%s", (int)pid, name);
	_cleanup_fclose_ FILE *file = path ? fopen(path, "re") : NULL;

	text[file ? fread(text, 1, size - 1, file) : 0] = '\0';
}

/* The process's cgroup in the unified hierarchy (cgroups(7)), in text; "": it has none. */
static const char *read_cgroup(pid_t pid, char *text, size_t size)
{
	char *line, *path;

	read_proc(pid, "cgroup", text, size);
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	path = line ? strchr(line, '/') : NULL;
	if (!path)
		return "";
	path[strcspn(path, "\n")] = '\0';
	return path;
}

/* Matches as Unit= of a policy. A unit without a suffix is a service, as in systemctl(1). */
static bool is_of_unit(const char *cgroup, const char *unit)
{
	_cleanup_free_ char *service = strchr(unit, '.') ? NULL : FORMAT_NEW("%s.service", unit);
	char *names[] = { service ?: (char *)unit };
	struct policy policy = { .unit = names, .unit_count = 1 };
	struct policy_facts facts = { .cgroup = cgroup };

	return *cgroup && policy_matches(&policy, &facts);
}

/* comm, cgroup: NULL: as they are now. */
static bool is_named(pid_t pid, const char *comm, const char *cgroup, const struct targets_name *name)
{
	char text[8192];

	if (name->option == TARGETS_OPTION_UNIT)
		return is_of_unit(cgroup ?: read_cgroup(pid, text, sizeof(text)), name->value);
	if (comm)
		return strcmp(comm, name->value) == 0;
	read_proc(pid, "comm", text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, name->value) == 0;
}

bool targets_had(const struct targets *targets, pid_t pid, const char *comm, const char *cgroup)
{
	bool have = false;

	for (size_t i = 0; i < targets->count; i++)
		have |= targets->list[i] == pid;
	for (size_t i = 0; i < targets->name_count && !have; i++)
		have = is_named(pid, comm, cgroup, &targets->names[i]);
	return have;
}

bool targets_have(const struct targets *targets, pid_t pid)
{
	return targets_had(targets, pid, NULL, NULL);
}

static int numbers_only(const struct dirent *entry)
{
	return isdigit((unsigned char)*entry->d_name) != 0;
}

int targets_find(struct targets *targets)
{
	struct dirent **entries = NULL;
	int count = targets->name_count ? scandir("/proc", &entries, numbers_only, versionsort) : 0, r = 0;

	if (count < 0)
		return error_failure("cannot read /proc: %s", strerror(errno));
	for (size_t i = 0; i < targets->name_count && !r; i++) {
		const struct targets_name *name = &targets->names[i];
		bool found = false;

		for (int j = 0; j < count && !r; j++) {
			pid_t pid = (pid_t)strtol(entries[j]->d_name, NULL, 10);

			if (is_named(pid, NULL, NULL, name)) {
				found = true;
				r = add(targets, pid);
			}
		}
		if (!found && !r)
			r = error_failure("no process %s '%s' is running",
					  name->option == TARGETS_OPTION_UNIT ? "of the unit" : "of the name",
					  name->value);
	}
	for (int j = 0; j < count; j++)
		free(entries[j]);
	free(entries);
	return r;
}
