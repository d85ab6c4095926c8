// SPDX-License-Identifier: LGPL-2.1-or-later
/* See targets.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

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

/* Matches as Unit= of a policy. A unit without a suffix is a service, as in systemctl(1). */
static bool is_of_unit(pid_t pid, const char *unit)
{
	_cleanup_free_ char *service = strchr(unit, '.') ? NULL : FORMAT_NEW("%s.service", unit);
	char *names[] = { service ?: (char *)unit }, cgroups[8192], *line;
	struct policy policy = { .unit = names, .unit_count = 1 };
	struct policy_facts facts = {};

	read_proc(pid, "cgroup", cgroups, sizeof(cgroups));
	/* The line of the unified hierarchy: cgroups(7). */
	line = strncmp(cgroups, "0::", 3) == 0 ? cgroups : strstr(cgroups, "\n0::");
	if (!line)
		return false;
	facts.cgroup = strchr(line, '/') ?: (char *)"";
	((char *)facts.cgroup)[strcspn(facts.cgroup, "\n")] = '\0';
	return policy_matches(&policy, &facts);
}

static bool is_named(pid_t pid, const struct targets_name *name)
{
	char comm[64];

	if (name->option == TARGETS_OPTION_UNIT)
		return is_of_unit(pid, name->value);
	read_proc(pid, "comm", comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = '\0';
	return strcmp(comm, name->value) == 0;
}

bool targets_have(const struct targets *targets, pid_t pid)
{
	bool have = false;

	for (size_t i = 0; i < targets->count; i++)
		have |= targets->list[i] == pid;
	for (size_t i = 0; i < targets->name_count && !have; i++)
		have = is_named(pid, &targets->names[i]);
	return have;
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

			if (is_named(pid, name)) {
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
