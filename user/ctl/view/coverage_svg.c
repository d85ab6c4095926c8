// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl coverage --svg: draws the rows of coverage on an SVG page. */
#include "ctl/view/coverage_svg.h"

#include <inttypes.h>

#include "ctl/view/svg_page.h"
#include "lib/base/util.h"

enum { PID, COMM, POLICY, STATE, BAR, PERCENT, SEALED, OF, ACTION, WHY, COLUMNS };

/* The row without shortening. */
static char *tooltip(const struct coverage_row *row)
{
	_cleanup_free_ char *comm = text_escape(row->comm, true), *policy = text_escape(row->policy, true),
			    *why = text_escape(row->why, true);
	char text[SHARE_TEXT_MAX];

	if (!comm || !policy || !why)
		return NULL;
	return FORMAT_NEW("%s[%" PRIu64 "]: %s\npolicy: %s\n%s, action: %s\n%s", comm, row->pid, row->state,
			  policy, share_bar_text(row->share, text), row->action, why);
}

static void draw_row(struct svg_page *page, const struct svg_column columns[COLUMNS],
		     const struct coverage_row *row)
{
	unsigned part = row->share.all ?
				(unsigned)((double)row->share.sealed * 1000 / (double)row->share.all) :
				0;
	_cleanup_free_ char *title = tooltip(row);
	char pid[24];

	page->failed |= !title;
	FORMAT(pid, "%" PRIu64, row->pid);
	svg_page_row(page, title, svg_page_lines(&columns[WHY], row->why));
	svg_page_cell(page, &columns[PID], COLOUR_DIM, pid, NULL);
	svg_page_cell(page, &columns[COMM], COLOUR_BOLD, row->comm, NULL);
	svg_page_cell(page, &columns[POLICY], COLOUR_NONE, row->policy, NULL);
	svg_page_cell(page, &columns[STATE], row->colour, row->state, NULL);
	if (part)
		svg_page_part(page, &columns[BAR], 0, part, FILL_FULL, row->colour);
	if (part < 1000 && row->share.all)
		svg_page_part(page, &columns[BAR], part, 1000, FILL_NONE, COLOUR_DIM);
	svg_page_cell(page, &columns[PERCENT], row->colour, row->percent, NULL);
	svg_page_cell(page, &columns[SEALED], COLOUR_NONE, row->sealed, NULL);
	svg_page_cell(page, &columns[OF], COLOUR_NONE, row->all, NULL);
	svg_page_cell(page, &columns[ACTION], COLOUR_NONE, row->action, NULL);
	svg_page_wrapped(page, &columns[WHY], COLOUR_NONE, row->why);
	svg_page_row_end(page);
}

static void draw_rows(struct svg_page *page, const struct coverage *coverage, unsigned shown)
{
	struct svg_column columns[COLUMNS] = {
		[PID] = { "pid", { 7, 7, 7 }, .right = true },
		[COMM] = { "comm", { 16, 16, 12 } },
		[POLICY] = { "policy", { 16, 16, 0 } },
		[STATE] = { "state", { 8, 8, 0 } },
		[BAR] = { "file code", { 160, 80, 36 }, .bar = true },
		[PERCENT] = { "%", { 3, 3, 3 }, .right = true },
		[SEALED] = { "sealed", { 6, 0, 0 }, .right = true },
		[OF] = { "of", { 5, 0, 0 }, .right = true },
		[ACTION] = { "action", { 10, 0, 0 } },
		[WHY] = { "why", { 46, 34, 18 } },
	};

	svg_page_columns(page, columns, COLUMNS);
	svg_page_titles(page, columns, COLUMNS);
	for (size_t i = 0; i < json_array_size(coverage->list); i++) {
		struct coverage_row row;
		int r = coverage_row(coverage, i, shown, &row);

		page->failed |= r < 0;
		if (r <= 0)
			continue;
		draw_row(page, columns, &row);
		free(row.why);
	}
	page->y += SVG_ROW;
}

static void draw_totals(struct svg_page *page, const struct coverage_totals *totals)
{
	for (int state = 0; state < COVERAGE_STATE_COUNT; state++)
		svg_page_item(page, FILL_FULL, totals->states[state].colour, totals->states[state].text,
			      false);
	if (*totals->audited)
		svg_page_item(page, FILL_COUNT, COLOUR_NONE, totals->audited, false);
	svg_page_items_end(page);
}

int coverage_svg_print(const struct coverage *coverage, unsigned shown, const char *host, FILE *out)
{
	_cleanup_free_ char *title = FORMAT_NEW("%s: msealctl coverage", host), *head = NULL,
			    *description = NULL;
	const char *what[SHARE_COUNT];
	struct share shares[SHARE_COUNT];
	char text[SHARE_TEXT_MAX];
	struct coverage_totals totals;
	struct svg_page page;

	coverage_totals(coverage, &totals);
	/* File code first: the rows show the same share. */
	for (int i = 0; i < SHARE_COUNT; i++) {
		what[i] = coverage_share_name((enum share_kind)(SHARE_COUNT - 1 - i));
		shares[i] = coverage->shares[SHARE_COUNT - 1 - i];
	}
	head = FORMAT_NEW("%s; %s", totals.processes, totals.kernel_threads);
	description = FORMAT_NEW("How much of each process is sealed. %s: %u %%, %s. %s: %s, %s, %s, %s.",
				 what[0], address_space_percent(shares[0]), share_bar_text(shares[0], text),
				 totals.processes, totals.states[0].text, totals.states[1].text,
				 totals.states[2].text, totals.states[3].text);
	if (svg_page_open(&page) && head) {
		svg_page_head(&page, host, "", head);
		svg_page_shares(&page, what, shares, SHARE_COUNT);
		draw_rows(&page, coverage, shown);
		draw_totals(&page, &totals);
	}
	page.failed |= !title || !head || !description;
	return svg_page_close(&page, title ?: "", description ?: "", out);
}
