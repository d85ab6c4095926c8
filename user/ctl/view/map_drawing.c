// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The drawing of msealctl map. From left to right: a bracket that joins the mappings of one object, address
 * range, permissions, size, a bar, the object's name (once), segment, deny mask. The length of the bar stands
 * for the size of the mapping, each cell for the corresponding part.
 */
#include "ctl/base/text.h"
#include "ctl/view/map_drawing.h"
#include "ctl/view/map_rows.h"
#include "ctl/view/share_bar.h"
#include "lib/base/util.h"

#define WIDE 120 /* from here on deny bits are words, below they are letters */
#define LEAST_NAME 8

struct glyphs {
	const char *brackets[4]; /* by enum map_bracket */
	const char *gap;
};

static const struct glyphs ascii = { { " ", "/", "|", "\\" }, "--" };
static const struct glyphs unicode = { { " ", "\u250c", "\u2502", "\u2514" }, "\u254c\u254c" };

struct layout {
	const struct address_space *space;
	const struct terminal *terminal;
	const struct glyphs *glyphs;
	FILE *out;
	struct map_scale scale;
	enum map_form form;
	int range, bar, name, segment; /* columns; range: the whole address range */
};

static void put(const struct layout *layout, enum colour colour, const char *text)
{
	if (strcmp(text, " ") == 0)
		colour = COLOUR_NONE;
	(void)fprintf(layout->out, "%s%s%s", terminal_on(layout->terminal, colour), text,
		      terminal_off(layout->terminal, colour));
}

static void plan(struct layout *layout, size_t width)
{
	int fixed;

	layout->scale = map_scale_of(layout->space);
	layout->form = width < WIDE ? MAP_BRIEF : MAP_LONG;
	layout->range = map_range_width(&layout->scale);
	layout->segment = MIN_OF((int)layout->scale.segments[layout->form], 16);
	layout->bar = width <= 80 ? 12 : MIN_OF(12 + ((int)width - 80) / 4, 40);
	/* Bracket, permissions, size, and the blanks between all of them. */
	fixed = 1 + layout->range + 1 + 4 + 1 + 5 + 1 + layout->bar + 1 + 1 + layout->segment + 1 +
		(int)layout->scale.deny[layout->form];
	layout->name = MAX_OF((int)width - fixed, LEAST_NAME);
}

/* --- parts of a row --- */

static void draw_bar(const struct layout *layout, size_t i)
{
	enum colour colour = COLOUR_NONE;
	struct map_bar bar;
	const char *on = "";

	map_bar(layout->space, &layout->scale, i, (unsigned)layout->bar, &bar);
	for (unsigned cell = 0; cell < bar.count; cell++) {
		if (cell == 0 || bar.cells[cell].colour != colour) {
			(void)fputs(terminal_off(layout->terminal, *on ? colour : COLOUR_NONE), layout->out);
			colour = bar.cells[cell].colour;
			on = terminal_on(layout->terminal, colour);
			(void)fputs(on, layout->out);
		}
		(void)fputs(share_bar_cell(layout->terminal, bar.cells[cell].fill), layout->out);
	}
	(void)fputs(terminal_off(layout->terminal, *on ? colour : COLOUR_NONE), layout->out);
	(void)fprintf(layout->out, "%*s", layout->bar - (int)bar.count, "");
}

static int draw_name(const struct layout *layout, const struct map_row *row)
{
	bool utf8 = layout->terminal->utf8;
	_cleanup_free_ char *escaped = NULL, *text = NULL;

	if (row->joined) {
		(void)fprintf(layout->out, "%*s", layout->name, "");
		return 0;
	}
	escaped = text_escape(row->name, utf8);
	if (!escaped)
		return -ENOMEM;
	text = text_shorten_path(escaped, (size_t)layout->name, utf8);
	if (!text)
		return -ENOMEM;
	put(layout, row->name_colour, text);
	(void)fprintf(layout->out, "%*s", layout->name - (int)text_width(text, utf8), "");
	return 0;
}

static void draw_gap(const struct layout *layout, const struct map_row *row)
{
	char size[TEXT_SIZE_MAX], text[64];

	put(layout, COLOUR_DIM, layout->glyphs->brackets[row->joined ? MAP_INNER : MAP_ALONE]);
	FORMAT(text, "%s %s unmapped", layout->glyphs->gap, text_size(row->unmapped, size));
	put(layout, COLOUR_DIM, text);
	(void)fputc('\n', layout->out);
}

static int draw_row(const struct layout *layout, size_t i)
{
	_cleanup_free_ char *segments = NULL;
	struct map_row row;

	map_row(layout->space, &layout->scale, i, &row);
	if (row.unmapped)
		draw_gap(layout, &row);
	put(layout, COLOUR_DIM, layout->glyphs->brackets[row.bracket]);
	(void)fprintf(layout->out, "%-*s ", layout->range, row.range);
	put(layout, row.permissions_colour, row.permissions);
	(void)fprintf(layout->out, " %5s ", row.size);

	draw_bar(layout, i);
	(void)fputc(' ', layout->out);
	if (draw_name(layout, &row) < 0)
		return -ENOMEM;

	segments = text_shorten(row.segments[layout->form], (size_t)layout->segment, layout->terminal->utf8);
	if (!segments)
		return -ENOMEM;
	(void)fputc(' ', layout->out);
	put(layout, row.segments_colour, segments);
	(void)fprintf(layout->out, "%*s ",
		      layout->segment - (int)text_width(segments, layout->terminal->utf8), "");
	put(layout, row.deny_colour, row.deny[layout->form]);
	(void)fputc('\n', layout->out);
	return 0;
}

/* --- head and foot --- */

static int draw_head(const struct layout *layout)
{
	_cleanup_free_ char *comm = text_escape(layout->space->comm, layout->terminal->utf8);
	char head[MAP_HEAD_MAX];

	if (!comm)
		return -ENOMEM;
	put(layout, COLOUR_BOLD, comm);
	(void)fprintf(layout->out, "[%d]: %s\n", layout->space->pid, map_head(layout->space, head));
	return 0;
}

static void draw_words(const struct layout *layout, const char *first, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		(void)fprintf(layout->out, "%s%s", i ? "  " : first, words[i]);
	(void)fputc('\n', layout->out);
}

static void draw_legend(const struct layout *layout)
{
	(void)fputc('\n', layout->out);
	for (int fill = FILL_FULL; fill >= FILL_NONE; fill--)
		(void)fprintf(layout->out, "%s %s%s", share_bar_cell(layout->terminal, (enum share_fill)fill),
			      map_fill_text((enum share_fill)fill), fill ? "  " : "; " MAP_LENGTH_TEXT "\n");
	if (layout->terminal->colour) {
		for (unsigned i = 1; i <= MSEALD_SEGMENT_COUNT; i++) {
			enum mseald_segment segment = i % MSEALD_SEGMENT_COUNT;

			put(layout, terminal_segment_colour(segment),
			    share_bar_cell(layout->terminal, FILL_FULL));
			(void)fprintf(layout->out, " %s%s", map_segment_text(segment),
				      segment == MSEALD_SEGMENT_NONE ? "\n" : "  ");
		}
	}
	if (layout->form == MAP_BRIEF) {
		draw_words(layout, "denied: ", map_letters);
		draw_words(layout, "        ", map_marks);
	}
}

int map_drawing_print(const struct address_space *space, const struct terminal *terminal, FILE *out)
{
	struct layout layout = {
		.space = space,
		.terminal = terminal,
		.glyphs = terminal->utf8 ? &unicode : &ascii,
		.out = out,
	};

	plan(&layout, terminal->width ? terminal->width : 80);
	if (draw_head(&layout) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < space->maps.count; i++)
		if (draw_row(&layout, i) < 0)
			return -ENOMEM;
	draw_legend(&layout);
	(void)fputc('\n', out);
	share_bar_print(terminal, "all memory", address_space_share(space, SHARE_ALL), out);
	share_bar_print(terminal, "executable", address_space_share(space, SHARE_EXECUTABLE), out);
	return 0;
}
