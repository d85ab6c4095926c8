/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A change of one process or of several, by a method that can be tried first (dry_run). */
#ifndef MSEALCTL_CHANGE_H
#define MSEALCTL_CHANGE_H

#include <jansson.h>
#include <stdbool.h>

#include "ctl/base/targets.h"

struct change {
	const char *method; /* of io.mseald, with pid and dry_run */
	json_t *parameters; /* but for these; the caller's */
	bool dry_run;
	int (*print)(pid_t pid, const json_t *reply, bool dry_run); /* for people; an exit status */
};

/*
 * Of several processes each is tried first: where one is refused, nothing is changed. One that is
 * refused all the same later is complained about, and the others are changed. An exit status.
 */
int change_all(const struct ctl *ctl, const struct change *change, const struct targets *targets);

#endif
