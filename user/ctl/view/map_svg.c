// SPDX-License-Identifier: LGPL-2.1-or-later
/* msealctl map --svg: draws the rows of map_rows on an SVG page. */
#include "ctl/view/map_svg.h"

#include "ctl/view/map_rows.h"
#include "ctl/view/svg_page.h"
#include "lib/base/util.h"

enum { RANGE, PERMISSIONS, SIZE, BAR, NAME, SEGMENTS, DENY, COLUMNS };

#define CELLS 40 /* of the longest bar */
#define APART 5	 /* pixels above and below an object */

/* The width of a column for its longest text and its title. */
static size_t fit(const char *title, size_t width, size_t most)
{
	return MIN_OF(MAX_OF(width, strlen(title)), most);
}

static void plan(const struct map_scale *scale, struct svg_column columns[COLUMNS])
{
	const size_t range = (size_t)map_range_width(scale), *segments = scale->segments, *deny = scale->deny;
	const struct svg_column all[COLUMNS] = {
		[RANGE] = { "address", { range, range, 0 } },
		[PERMISSIONS] = { "perm", { 4, 4, 4 } },
		[SIZE] = { "size", { 5, 5, 5 }, .right = true },
		[BAR] = { "sealed", { 240, 120, 44 }, .bar = true },
		[NAME] = { "object", { 41, 29, 17 }, .path = true },
		[SEGMENTS] = { "segment",
			       { fit("segment", segments[MAP_LONG], 16),
				 fit("segment", segments[MAP_BRIEF], 7),
				 fit("segment", segments[MAP_BRIEF], 7) } },
		[DENY] = { "denies",
			   { fit("denies", deny[MAP_LONG], 36), fit("denies", deny[MAP_BRIEF], 10),
			     fit("denies", deny[MAP_BRIEF], 6) } },
	};

	memcpy(columns, all, sizeof(all));
}

/* --- rows --- */

/* The row without shortening. */
static char *tooltip(const struct address_space *space, const struct map_row *row, size_t i)
{
	uint64_t sealed = space->rows[i].sealed,
		 bytes = space->rows[i].mapping->end - space->rows[i].mapping->start;
	_cleanup_free_ char *name = text_escape(row->name, true);
	char text[SHARE_TEXT_MAX];

	return name ? FORMAT_NEW("%s\n%s %s\nsegment: %s\n%s\ndenies: %s", name, row->range, row->permissions,
				 row->segments[MAP_LONG],
				 share_bar_text((struct share){ sealed, bytes }, text), row->deny[MAP_LONG]) :
		      NULL;
}

/* Joins equal cells to one part. */
static void draw_bar(struct svg_page *page, const struct svg_column *column, const struct map_bar *bar)
{
	for (unsigned cell = 0, end; cell < bar->count; cell = end) {
		for (end = cell + 1; end < bar->count; end++)
			if (bar->cells[end].fill != bar->cells[cell].fill ||
			    bar->cells[end].colour != bar->cells[cell].colour)
				break;
		svg_page_part(page, column, 1000 * bar->length * cell / bar->count / CELLS,
			      1000 * bar->length * end / bar->count / CELLS, bar->cells[cell].fill,
			      bar->cells[cell].colour);
	}
}

static void draw_row(struct svg_page *page, const struct address_space *space, const struct map_scale *scale,
		     const struct svg_column columns[COLUMNS], const struct map_row *row, size_t i)
{
	_cleanup_free_ char *title = tooltip(space, row, i);
	struct map_bar bar;

	page->failed |= !title;
	svg_page_row(page, title, 1);
	svg_page_cell(page, &columns[RANGE], COLOUR_DIM, row->range, NULL);
	svg_page_cell(page, &columns[PERMISSIONS], row->permissions_colour, row->permissions, NULL);
	svg_page_cell(page, &columns[SIZE], COLOUR_NONE, row->size, NULL);
	map_bar(space, scale, i, CELLS, &bar);
	draw_bar(page, &columns[BAR], &bar);
	if (!row->joined)
		svg_page_cell(page, &columns[NAME], row->name_colour, row->name, NULL);
	svg_page_cell(page, &columns[SEGMENTS], row->segments_colour, row->segments[MAP_LONG],
		      row->segments[MAP_BRIEF]);
	svg_page_cell(page, &columns[DENY], row->deny_colour, row->deny[MAP_LONG], row->deny[MAP_BRIEF]);
	svg_page_row_end(page);
}

static void draw_rows(struct svg_page *page, const struct address_space *space)
{
	const struct map_scale scale = map_scale_of(space);
	struct svg_column columns[COLUMNS];
	unsigned first = 0;
	bool after = false;

	plan(&scale, columns);
	svg_page_columns(page, columns, COLUMNS);
	svg_page_titles(page, columns, COLUMNS);
	for (size_t i = 0; i < space->maps.count; i++) {
		char size[TEXT_SIZE_MAX], text[64];
		struct map_row row;

		map_row(space, &scale, i, &row);
		if (row.bracket == MAP_FIRST || after)
			page->y += APART;
		after = row.bracket == MAP_LAST;
		if (row.unmapped) {
			FORMAT(text, "%s unmapped", text_size(row.unmapped, size));
			svg_page_gap(page, text);
		}
		if (row.bracket == MAP_FIRST)
			first = page->y;
		draw_row(page, space, &scale, columns, &row, i);
		if (row.bracket == MAP_LAST)
			svg_page_bracket(page, first);
	}
}

/* --- head and legend --- */

static void draw_legend(struct svg_page *page)
{
	page->y += SVG_ROW;
	for (int fill = FILL_FULL; fill >= FILL_NONE; fill--)
		svg_page_item(page, (enum share_fill)fill, fill == FILL_NONE ? COLOUR_DIM : COLOUR_NONE,
			      map_fill_text((enum share_fill)fill), false);
	svg_page_item(page, FILL_COUNT, COLOUR_NONE, MAP_LENGTH_TEXT, false);
	svg_page_items_end(page);
	for (unsigned i = 1; i <= MSEALD_SEGMENT_COUNT; i++) {
		enum mseald_segment segment = i % MSEALD_SEGMENT_COUNT;

		svg_page_item(page, FILL_FULL, terminal_segment_colour(segment), map_segment_text(segment),
			      false);
	}
	svg_page_items_end(page);
	for (size_t i = 0; map_letters[i]; i++)
		svg_page_item(page, FILL_COUNT, COLOUR_NONE, map_letters[i], true);
	for (size_t i = 0; map_marks[i]; i++)
		svg_page_item(page, FILL_COUNT, COLOUR_NONE, map_marks[i], true);
	svg_page_items_end(page);
}

int map_svg_print(const struct address_space *space, FILE *out)
{
	static const char *const what[] = { "all memory", "executable" };
	const struct share shares[] = { address_space_share(space, SHARE_ALL),
					address_space_share(space, SHARE_EXECUTABLE) };
	char head[MAP_HEAD_MAX], pid[16], texts[2][SHARE_TEXT_MAX];
	_cleanup_free_ char *title = NULL, *description = NULL;
	struct svg_page page;

	FORMAT(pid, "[%d]", space->pid);
	title = FORMAT_NEW("%s%s: %s", space->comm, pid, map_head(space, head));
	description = FORMAT_NEW(
		"The address space of a process and its seals. %s: %u %%, %s; %s: %u %%, %s.", what[0],
		address_space_percent(shares[0]), share_bar_text(shares[0], texts[0]), what[1],
		address_space_percent(shares[1]), share_bar_text(shares[1], texts[1]));
	if (svg_page_open(&page)) {
		svg_page_head(&page, space->comm, pid, head);
		svg_page_shares(&page, what, shares, ELEMENTS(shares));
		draw_rows(&page, space);
		draw_legend(&page);
	}
	page.failed |= !title || !description;
	return svg_page_close(&page, title ?: "", description ?: "", out);
}
