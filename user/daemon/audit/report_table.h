/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attempts summed up in memory: one row for each policy, program, operation,
 * class and verdict. Bounded; knows neither maps nor files.
 */
#ifndef MSEALD_AUDIT_REPORT_TABLE_H
#define MSEALD_AUDIT_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mseald/shared.h"

struct tally_row {
	struct mseald_tally_key key;
	struct mseald_tally value;
};

struct tally {
	struct tally_row *rows;		/* in the order in which they came */
	uint32_t *index;		/* open hash of 1 + place in rows; 0: free */
	size_t count;
};

int tally_open(struct tally *ret);		/* -ENOMEM */
void tally_close(struct tally *tally);		/* takes zeroed */
void tally_clear(struct tally *tally);

/* NULL: there is none. */
struct tally_row *tally_find(const struct tally *tally, const struct mseald_tally_key *key);
/* Made if need be; NULL: MSEALD_MAX_TALLIES are there already. */
struct tally_row *tally_get(struct tally *tally, const struct mseald_tally_key *key);

struct mseald_tally_key tally_key(const struct mseald_event *event);
/* One more; realtime: when, ns since 1970. */
void tally_count(struct tally_row *row, const struct mseald_event *event, uint64_t realtime);
/* Makes this one the example, but for where it was. */
void tally_example(struct tally_row *row, const struct mseald_event *event);
/* All attempts of all rows. */
uint64_t tally_sum(const struct tally *tally);

#endif
