/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attempts summed up per policy, program, operation, segment and verdict. They go from the events to the map
 * `report`, which outlives the daemon, to a file, which outlives the boot, and to clients (io.mseald.Report).
 */
#pragma once

#include <jansson.h>

#include <systemd/sd-event.h>

#include "audit/report_table.h"
#include "base/error.h"
#include "base/timer.h"
#include "bpf/programs.h"
#include "policy/active.h"
#include "seal/space_map.h"

#define REPORT_FOLDER "/var/lib/mseald"
#define REPORT_FILE REPORT_FOLDER "/report.json"

struct report {
	struct programs *programs;
	struct space_map *space_map;
	const struct active *active;
	struct report_table table; /* copy of the map `report` */
	volatile struct mseald_state *state;
	int map;
	struct timer timer;
	bool changed;		       /* since the file was written */
	bool logged_full, logged_file; /* logged once */
};

/* Continues with the counts of earlier daemons. Negative errno. */
int report_open(struct report *report, sd_event *loop, struct programs *programs, struct space_map *space_map,
		const struct active *active);
void report_close(struct report *report); /* writes the file; takes zeroed */

void report_attempt(struct report *report, const struct mseald_event *event);

/*
 * The reply of Report: all rows, or those of one policy ("-": sealed by a request). reset: then empties the
 * report. NULL and the reason.
 */
json_t *report_json(struct report *report, const char *policy, bool reset, struct error *error);
