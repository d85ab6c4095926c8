// SPDX-License-Identifier: LGPL-2.1-or-later
/* See report_table.h. */
#include "audit/report_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

#define SLOTS (2 * MSEALD_MAX_TALLIES)

_Static_assert((SLOTS & (SLOTS - 1)) == 0, "the index wraps by a mask");

int tally_open(struct tally *ret)
{
	struct tally tally = {
		.rows = calloc(MSEALD_MAX_TALLIES, sizeof(*tally.rows)),
		.index = calloc(SLOTS, sizeof(*tally.index)),
	};

	if (!tally.rows || !tally.index) {
		tally_close(&tally);
		return -ENOMEM;
	}
	*ret = tally;
	return 0;
}

void tally_close(struct tally *tally)
{
	free(tally->rows);
	free(tally->index);
	*tally = (struct tally){};
}

void tally_clear(struct tally *tally)
{
	memset(tally->rows, 0, tally->count * sizeof(*tally->rows));
	memset(tally->index, 0, SLOTS * sizeof(*tally->index));
	tally->count = 0;
}

static bool same_key(const struct mseald_tally_key *a, const struct mseald_tally_key *b)
{
	return a->label == b->label && a->op == b->op && a->rule_class == b->rule_class && a->verdict == b->verdict;
}

/* Where it is in the index, or belongs. */
static uint32_t *find_slot(const struct tally *tally, const struct mseald_tally_key *key)
{
	uint64_t rest = (uint64_t)key->op << 32 | (uint64_t)key->rule_class << 16 | key->verdict;
	uint64_t at = ((key->label ^ rest * 0x9e3779b97f4a7c15ULL) * 0x9e3779b97f4a7c15ULL) >> 40;

	while (tally->index[at & (SLOTS - 1)] && !same_key(&tally->rows[tally->index[at & (SLOTS - 1)] - 1].key, key))
		at++;
	return &tally->index[at & (SLOTS - 1)];
}

struct tally_row *tally_find(const struct tally *tally, const struct mseald_tally_key *key)
{
	uint32_t *slot = find_slot(tally, key);

	return *slot ? &tally->rows[*slot - 1] : NULL;
}

struct tally_row *tally_get(struct tally *tally, const struct mseald_tally_key *key)
{
	uint32_t *slot = find_slot(tally, key);

	if (!*slot) {
		if (tally->count == MSEALD_MAX_TALLIES)
			return NULL;
		tally->rows[tally->count++] = (struct tally_row){ .key = *key };
		*slot = (uint32_t)tally->count;
	}
	return &tally->rows[*slot - 1];
}

struct mseald_tally_key tally_key(const struct mseald_event *event)
{
	return (struct mseald_tally_key){ .label = event->label, .op = event->op,
					  .rule_class = (uint16_t)event->rule_class, .verdict = (uint16_t)event->verdict };
}

/* Not 0, which is the place of nobody. */
static uint32_t hash_process(const struct mseald_event *event)
{
	uint64_t hash = (event->start_time ^ (uint64_t)event->tgid << 32) * 0x9e3779b97f4a7c15ULL;

	return (uint32_t)(hash >> 32) ?: 1;
}

static void count_process(struct mseald_tally *value, const struct mseald_event *event)
{
	uint32_t hash = hash_process(event);

	for (size_t i = 0; i < MSEALD_TALLY_PROCESSES; i++) {
		if (value->seen[i] == hash)
			return;
		if (value->seen[i])
			continue;
		value->seen[i] = hash;
		break;
	}
	/* Of an earlier boot there is a number only, and nobody's hash. */
	value->processes = MIN_OF(value->processes + 1, (uint32_t)MSEALD_TALLY_PROCESSES);
}

void tally_example(struct tally_row *row, const struct mseald_event *event)
{
	struct mseald_tally *value = &row->value;

	value->address = event->address;
	value->length = event->length;
	value->ip = event->ip;
	value->pid = event->tgid;
	value->uid = event->uid;
	memcpy(value->comm, event->comm, sizeof(value->comm));
}

void tally_count(struct tally_row *row, const struct mseald_event *event, uint64_t realtime)
{
	struct mseald_tally *value = &row->value;

	if (!value->attempts) {
		value->first = realtime;
		tally_example(row, event);
	}
	value->attempts++;
	value->last = MAX_OF(value->last, realtime);
	count_process(value, event);
}

uint64_t tally_sum(const struct tally *tally)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < tally->count; i++)
		sum += tally->rows[i].value.attempts;
	return sum;
}
