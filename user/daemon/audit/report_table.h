/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attempts summed up in memory: one row for each policy, program, operation, segment and verdict. Bounded;
 * uses neither maps nor files.
 */
#pragma once

#include "lib/base/util.h"
#include "mseald/shared.h"

struct report_row {
	struct mseald_tally_key key;
	struct mseald_tally value;
};

struct report_table {
	struct report_row *rows; /* in order of arrival */
	uint32_t *index;	 /* open hash of 1 + index in rows; 0: free */
	size_t count;
};

int report_table_open(struct report_table *ret);     /* -ENOMEM */
void report_table_close(struct report_table *table); /* takes zeroed */
void report_table_clear(struct report_table *table);

/* NULL: no such row. */
struct report_row *report_table_find(const struct report_table *table, const struct mseald_tally_key *key);
/* Made if needed; NULL: MSEALD_MAX_TALLIES rows exist. */
struct report_row *report_table_get(struct report_table *table, const struct mseald_tally_key *key);

struct mseald_tally_key report_table_key(const struct mseald_event *event);
/* Counts an attempt; realtime: its time, ns since 1970. */
void report_table_count(struct report_row *row, const struct mseald_event *event, uint64_t realtime);
/* Makes this attempt the example of the row, except for its symbols. */
void report_table_example(struct report_row *row, const struct mseald_event *event);
/* The number of attempts in all rows. */
uint64_t report_table_sum(const struct report_table *table);
