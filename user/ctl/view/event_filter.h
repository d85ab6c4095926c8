/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Selects the attempts to show, by operation and by verdict. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "ctl/base/command.h"
#include "ctl/base/targets.h"

/* Bit masks, 1 << enum mseald_op and 1 << enum mseald_verdict; 0: all. */
struct filter {
	unsigned operations, verdicts;
	const struct targets *targets; /* only attempts of these; NULL: of all processes */
};

/* Adds the words of a list with commas. 0, or the status of a usage error, which is printed. */
int event_filter_add_operations(struct ctl *ctl, struct filter *filter, const char *list);
int event_filter_add_verdicts(struct ctl *ctl, struct filter *filter, const char *list);

/* Is an event of io.mseald.Monitor to be shown, or a denial by the lock? */
bool event_filter_lets(const struct filter *filter, const json_t *event);
bool event_filter_lets_denial(const struct filter *filter, const json_t *denial);
