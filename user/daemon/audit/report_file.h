/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of attempts as JSON: for the file that outlives a reboot, and row by row for io.mseald. */
#ifndef MSEALD_AUDIT_REPORT_FILE_H
#define MSEALD_AUDIT_REPORT_FILE_H

#include <jansson.h>

#include "audit/report_table.h"

struct report_head {
	uint64_t since;	  /* ns since 1970 */
	uint64_t missing; /* attempts that are not in the table, */
	uint64_t full;	  /* and of those: for want of room there */
};

/* From a label to its names (false: not known), and from names to a label. */
struct report_names {
	bool (*read)(void *context, uint64_t label, struct mseald_label *ret);
	uint64_t (*make)(void *context, const char *policy, const char *program);
	void *context;
};

#define REPORT_FILE_DENY_COUNT 5 /* bits of a deny mask */

/* The names of these bits, by their numbers. NULL: out of memory. */
json_t *report_file_words(unsigned bits, unsigned count, const char *(*name)(unsigned number));
const char *report_file_deny_name(unsigned number);
const char *report_file_segment_name(unsigned number);

/* One row, as type Attempts of io.mseald but for what it would be with deny. NULL: out of memory. */
json_t *report_file_row(const struct report_row *row, const struct mseald_label *label);

/* Writes it aside and renames. Negative errno. */
int report_file_write(const char *path, const struct report_table *table, const struct report_head *head,
		      const struct report_names *names);
/*
 * Adds the rows of the file. -ENOENT: there is none; -EBADMSG: it is not one of ours, and was moved
 * aside (path.broken); nothing is added then.
 */
int report_file_read(const char *path, struct report_table *table, struct report_head *ret,
		     const struct report_names *names);

#endif
