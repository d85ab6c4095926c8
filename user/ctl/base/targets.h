/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processes that a command acts on: PID..., --unit=UNIT, --comm=NAME. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ctl/base/command.h"

enum {
	TARGETS_OPTION_UNIT = 1100,
	TARGETS_OPTION_COMM,
};

/* Entries of an array of long options. */
#define TARGETS_OPTIONS_LONG \
	{ "unit", required_argument, NULL, TARGETS_OPTION_UNIT }, \
	{ \
		"comm", required_argument, NULL, TARGETS_OPTION_COMM \
	}

#define TARGETS_HELP \
	"  --unit=UNIT               the processes of this systemd unit, such as\n" \
	"                            nginx.service\n" \
	"  --comm=NAME               the processes with this name\n"

struct targets_name {
	int option;
	const char *value;
};

struct targets {
	struct targets_name *names;
	size_t name_count;
	pid_t *list; /* each once: pids in the order given, then those found by name, by pid */
	size_t count;
};

void targets_free(struct targets *targets); /* for _cleanup_ */

/* Is it one of TARGETS_OPTIONS_LONG? If so, handles it; *ret_status: 0, or the status after a complaint. */
bool targets_take(struct targets *targets, int option, const char *value, int *ret_status);
/*
 * Takes the PIDs from the rest of the command line, up to the first word that is not a whole number: optind
 * then is its index. needed: a pid or a name must be given. 0, or the exit status after a complaint. Does not
 * look for processes yet.
 */
int targets_parse(const struct ctl *ctl, struct targets *targets, int argc, char **argv, bool needed);
/* The same, but any other word is an error. */
int targets_parse_all(const struct ctl *ctl, struct targets *targets, int argc, char **argv);
/* Finds the processes of the names. 0, or the exit status after a complaint, also if there are none. */
int targets_find(struct targets *targets);

/* Was a pid or a name given? */
bool targets_given(const struct targets *targets);
/* Is the process one of them? Names are matched as they are now. */
bool targets_have(const struct targets *targets, pid_t pid);
/* The same of a process that may be gone, with its name and cgroup (v2). cgroup NULL: unknown. */
bool targets_had(const struct targets *targets, pid_t pid, const char *comm, const char *cgroup);
