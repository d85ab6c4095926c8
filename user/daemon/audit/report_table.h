/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attempts summed up in memory: one row for each policy, program, operation,
 * segment and verdict. Bounded; knows neither maps nor files.
 */
#ifndef MSEALD_AUDIT_REPORT_TABLE_H
#define MSEALD_AUDIT_REPORT_TABLE_H

#include "lib/base/util.h"
#include "mseald/shared.h"

struct report_row {
	struct mseald_tally_key key;
	struct mseald_tally value;
};

struct report_table {
	struct report_row *rows; /* in the order in which they came */
	uint32_t *index;	 /* open hash of 1 + index in rows; 0: free */
	size_t count;
};

int report_table_open(struct report_table *ret);     /* -ENOMEM */
void report_table_close(struct report_table *table); /* takes zeroed */
void report_table_clear(struct report_table *table);

/* NULL: there is none. */
struct report_row *report_table_find(const struct report_table *table, const struct mseald_tally_key *key);
/* Made if need be; NULL: MSEALD_MAX_TALLIES are there already. */
struct report_row *report_table_get(struct report_table *table, const struct mseald_tally_key *key);

struct mseald_tally_key report_table_key(const struct mseald_event *event);
/* One more; realtime: when, ns since 1970. */
void report_table_count(struct report_row *row, const struct mseald_event *event, uint64_t realtime);
/* Makes this one the example, but for where it was. */
void report_table_example(struct report_row *row, const struct mseald_event *event);
/* All attempts of all rows. */
uint64_t report_table_sum(const struct report_table *table);

#endif
