/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of attempts as JSON: for the file that outlives a reboot, and by rows for io.mseald. */
#pragma once

#include <jansson.h>

#include "audit/report_table.h"

struct report_head {
	uint64_t since;	  /* ns since 1970 */
	uint64_t missing; /* attempts that are not in the table */
	uint64_t full;	  /* of these, for want of room */
};

/* Translates a label to its names (false: unknown), and names to a label. */
struct report_names {
	bool (*read)(void *context, uint64_t label, struct mseald_label *ret);
	uint64_t (*make)(void *context, const char *policy, const char *program);
	void *context;
};

/* One row, as type Attempts of io.mseald but without the outcome under deny. NULL: out of memory. */
json_t *report_file_row(const struct report_row *row, const struct mseald_label *label);

/* Writes a new file and renames it. Negative errno. */
int report_file_write(const char *path, const struct report_table *table, const struct report_head *head,
		      const struct report_names *names);
/* Adds the rows, or none. -ENOENT: no file; -EBADMSG: not of mseald, and moved aside (path.broken). */
int report_file_read(const char *path, struct report_table *table, struct report_head *ret,
		     const struct report_names *names);
