// SPDX-License-Identifier: LGPL-2.1-or-later
/* See coverage_table.h. */
#include "ctl/view/coverage_table.h"

#include <inttypes.h>

#include "ctl/view/share_bar.h"
#include "ctl/view/table.h"

static const struct column columns[] = {
	{ .title = "PID", .right = true },
	{ .title = "COMM", .shorten = true },
	{ .title = "POLICY", .shorten = true, .least = 70 },
	{ .title = "STATE" },
	{ .title = "%", .right = true },
	{ .title = "SEALED", .right = true, .least = 100 },
	{ .title = "OF", .right = true, .least = 100 },
	{ .title = "ACTION", .least = 90 },
	{ .title = "WHY", .wrap = true, .share = 30 },
};

static void add_row(struct table *table, const struct coverage_row *row)
{
	table_add(table, COLOUR_NONE, "%" PRIu64, row->pid);
	table_add(table, COLOUR_BOLD, "%s", row->comm);
	table_add(table, COLOUR_NONE, "%s", row->policy);
	table_add(table, row->colour, "%s", row->state);
	table_add(table, COLOUR_NONE, "%s", row->percent);
	table_add(table, COLOUR_NONE, "%s", row->sealed);
	table_add(table, COLOUR_NONE, "%s", row->all);
	table_add(table, COLOUR_NONE, "%s", row->action);
	table_add(table, COLOUR_NONE, "%s", row->why);
}

static void print_totals(const struct coverage *coverage, const struct terminal *terminal, FILE *out)
{
	struct coverage_totals totals;

	coverage_totals(coverage, &totals);
	for (int kind = SHARE_COUNT - 1; kind >= 0; kind--)
		share_bar_print(terminal, coverage_share_name((enum share_kind)kind), coverage->shares[kind],
				out);
	(void)fputs(totals.processes, out);
	for (int state = 0; state < COVERAGE_STATE_COUNT; state++)
		(void)fprintf(out, "%s %s", state ? "," : ":", totals.states[state].text);
	if (*totals.audited)
		(void)fprintf(out, "; %s", totals.audited);
	(void)fprintf(out, "; %s\n", totals.kernel_threads);
}

int coverage_table_print(const struct coverage *coverage, unsigned shown, const struct terminal *terminal,
			 FILE *out)
{
	_cleanup_(table_free) struct table table = table_new(columns, ELEMENTS(columns), terminal);

	for (size_t i = 0; i < json_array_size(coverage->list); i++) {
		struct coverage_row row;
		int r = coverage_row(coverage, i, shown, &row);

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		add_row(&table, &row);
		free(row.why);
	}
	if (table.cells) {
		int r = table_print(&table, out);

		if (r < 0)
			return r;
		(void)fputc('\n', out);
	}
	print_totals(coverage, terminal, out);
	return 0;
}
