/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A change of one or several processes, by a method that supports a dry run. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "ctl/base/targets.h"

struct change {
	const char *method; /* of io.mseald, which takes pid and dry_run */
	json_t *parameters; /* all others; borrowed */
	bool dry_run;
	int (*print)(pid_t pid, const json_t *reply, bool dry_run); /* as text; an exit status */
};

/*
 * Several processes are first tried: if one is refused, nothing is changed. If one is refused later
 * nevertheless, this complains about it, and changes the others. An exit status.
 */
int change_all(const struct ctl *ctl, const struct change *change, const struct targets *targets);
