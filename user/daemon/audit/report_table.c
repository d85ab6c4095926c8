// SPDX-License-Identifier: LGPL-2.1-or-later
/* See report_table.h. */
#include "audit/report_table.h"

#include "lib/base/names.h"

#define SLOTS (2 * MSEALD_MAX_TALLIES)

_Static_assert((SLOTS & (SLOTS - 1)) == 0, "the index wraps by a mask");

int report_table_open(struct report_table *ret)
{
	struct report_table table = {
		.rows = calloc(MSEALD_MAX_TALLIES, sizeof(*table.rows)),
		.index = calloc(SLOTS, sizeof(*table.index)),
	};

	if (!table.rows || !table.index) {
		report_table_close(&table);
		return -ENOMEM;
	}
	*ret = table;
	return 0;
}

void report_table_close(struct report_table *table)
{
	free(table->rows);
	free(table->index);
	*table = (struct report_table){};
}

void report_table_clear(struct report_table *table)
{
	memset(table->rows, 0, table->count * sizeof(*table->rows));
	memset(table->index, 0, SLOTS * sizeof(*table->index));
	table->count = 0;
}

static bool same_key(const struct mseald_tally_key *a, const struct mseald_tally_key *b)
{
	return a->label == b->label && a->op == b->op && a->segment == b->segment && a->verdict == b->verdict;
}

/* The slot of the key in the index, or the free slot for it. */
static uint32_t *find_slot(const struct report_table *table, const struct mseald_tally_key *key)
{
	uint64_t rest = (uint64_t)key->op << 32 | (uint64_t)key->segment << 16 | key->verdict;
	uint64_t at = ((key->label ^ rest * 0x9e3779b97f4a7c15ULL) * 0x9e3779b97f4a7c15ULL) >> 40;

	while (table->index[at & (SLOTS - 1)] &&
	       !same_key(&table->rows[table->index[at & (SLOTS - 1)] - 1].key, key))
		at++;
	return &table->index[at & (SLOTS - 1)];
}

struct report_row *report_table_find(const struct report_table *table, const struct mseald_tally_key *key)
{
	uint32_t *slot = find_slot(table, key);

	return *slot ? &table->rows[*slot - 1] : NULL;
}

struct report_row *report_table_get(struct report_table *table, const struct mseald_tally_key *key)
{
	uint32_t *slot = find_slot(table, key);

	if (!*slot) {
		if (table->count == MSEALD_MAX_TALLIES)
			return NULL;
		table->rows[table->count++] = (struct report_row){ .key = *key };
		*slot = (uint32_t)table->count;
	}
	return &table->rows[*slot - 1];
}

struct mseald_tally_key report_table_key(const struct mseald_event *event)
{
	return (struct mseald_tally_key){ .label = event->label,
					  .op = event->op,
					  .segment = (uint16_t)event->segment,
					  .verdict = (uint16_t)event->verdict };
}

/* Never 0, which marks a free element. */
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
	/* An earlier boot leaves a number only, without hashes. */
	value->processes = MIN_OF(value->processes + 1, (uint32_t)MSEALD_TALLY_PROCESSES);
}

#define HUGE_LENGTH (UINT64_C(2) << 20) /* of a huge page */
/* No object is this large: an attempt on a larger range meets several. */
#define OBJECT_LENGTH_MAX (UINT64_C(4) << 30)

/* MSEALD_KIND_*. */
static unsigned kinds_of(const struct mseald_event *event)
{
	bool moves = event->op == MSEALD_OP_MMAP || event->op == MSEALD_OP_MREMAP;
	bool has_range = moves || event->op == MSEALD_OP_MPROTECT || event->op == MSEALD_OP_MUNMAP ||
			 event->op == MSEALD_OP_MADVISE;

	if (event->flags & MSEALD_EVENT_GROWS)
		return MSEALD_KIND_GROWS;
	if (has_range && event->length > OBJECT_LENGTH_MAX)
		return MSEALD_KIND_ALL;
	if (event->op == MSEALD_OP_MPROTECT && event->flags & MSEALD_EVENT_EXEC &&
	    event->segment == MSEALD_SEGMENT_STACK)
		return MSEALD_KIND_EXEC_STACK;
	if (moves && event->segment == MSEALD_SEGMENT_TEXT && event->length &&
	    (event->address | event->length) % HUGE_LENGTH == 0)
		return MSEALD_KIND_HUGE_TEXT;
	return 0;
}

/* Every segment that the attempt is on, as far as known. */
static unsigned segments_of(const struct mseald_event *event)
{
	unsigned segments = event->segments ? event->segments : 1u << event->segment;

	/* All seals on one file deny it together. */
	if (event->op == MSEALD_OP_FILE_WRITE)
		segments |= 1u << MSEALD_SEGMENT_TEXT | 1u << MSEALD_SEGMENT_RODATA |
			    1u << MSEALD_SEGMENT_RELRO;
	return segments;
}

void report_table_example(struct report_row *row, const struct mseald_event *event)
{
	struct mseald_tally *value = &row->value;

	value->address = event->address;
	value->length = event->length;
	value->ip = event->ip;
	value->pid = event->tgid;
	value->uid = event->uid;
	value->example_kinds = (uint8_t)kinds_of(event);
	memcpy(value->comm, event->comm, sizeof(value->comm));
}

void report_table_count(struct report_row *row, const struct mseald_event *event, uint64_t realtime)
{
	struct mseald_tally *value = &row->value;

	if (!value->attempts) {
		value->first = realtime;
		report_table_example(row, event);
	}
	value->deny |= (uint8_t)(event->deny ? event->deny : names_deny_of_op(event->op));
	value->segments |= (uint8_t)segments_of(event);
	value->kinds |= (uint8_t)kinds_of(event);
	value->attempts++;
	value->last = MAX_OF(value->last, realtime);
	count_process(value, event);
}

uint64_t report_table_sum(const struct report_table *table)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < table->count; i++)
		sum += table->rows[i].value.attempts;
	return sum;
}
