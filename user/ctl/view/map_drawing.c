// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The drawing of msealctl map. From left to right: a bracket that joins the mappings of one object, address
 * range, permissions, size, a bar, the object's name (once), segment, deny mask. The length of the bar stands
 * for the size of the mapping, each cell for the corresponding part.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ctl/base/command.h"
#include "ctl/base/text.h"
#include "ctl/view/map_drawing.h"
#include "ctl/view/share_bar.h"
#include "lib/base/names.h"
#include "lib/base/util.h"

#define WIDE 120 /* from here on deny bits are words, below they are letters */
#define LEAST_NAME 8

struct glyphs {
	const char *first, *inner, *last; /* brackets */
	const char *gap;
};

static const struct glyphs ascii = { "/", "|", "\\", "--" };
static const struct glyphs unicode = { "\u250c", "\u2502", "\u2514", "\u254c\u254c" };

struct layout {
	const struct address_space *space;
	const struct terminal *terminal;
	const struct glyphs *glyphs;
	const struct share_cells *cells;
	FILE *out;
	int digits, range, bar, name, segment; /* columns; range: the whole address range */
	/* log2 of the pages of the largest accessible mapping */
	unsigned largest;
	bool brief;
};

static void put(const struct layout *layout, enum colour colour, const char *text)
{
	if (strcmp(text, " ") == 0)
		colour = COLOUR_NONE;
	(void)fprintf(layout->out, "%s%s%s", terminal_on(layout->terminal, colour), text,
		      terminal_off(layout->terminal, colour));
}

static unsigned log2_pages(uint64_t bytes)
{
	uint64_t pages = bytes / page_size();

	return pages ? 63u - (unsigned)__builtin_clzll(pages) : 0;
}

/* "text", "relro+data", or "-"; brief: "relro+" for several. buf holds the names of all segments. */
#define SEGMENTS_MAX 64
static const char *segments_label(const struct row *row, bool brief, char buf[SEGMENTS_MAX])
{
	size_t length = 0;

	if (!row->segments)
		return "-";
	if (brief) {
		(void)snprintf(buf, SEGMENTS_MAX, "%s%s",
			       names_segment((unsigned)__builtin_ctz(row->segments)),
			       row->segments & (row->segments - 1) ? "+" : "");
		return buf;
	}
	for (unsigned segment = 1; segment < MSEALD_SEGMENT_COUNT; segment++)
		if (row->segments & (1u << segment))
			length += (size_t)snprintf(buf + length, SEGMENTS_MAX - length, "%s%s",
						   length ? "+" : "", names_segment(segment));
	return buf;
}

static void plan(struct layout *layout, size_t width)
{
	int segment = 1, denied = 1, fixed;

	layout->brief = width < WIDE;
	layout->digits = 8;
	for (size_t i = 0; i < layout->space->maps.count; i++) {
		const struct row *row = &layout->space->rows[i];
		char label[SEGMENTS_MAX], text[SPACES_DENY_TEXT_MAX];
		int digits = (67 - __builtin_clzll(row->mapping->end | 1)) / 4;

		segment = MAX_OF(segment, (int)strlen(segments_label(row, layout->brief, label)));
		denied = MAX_OF(denied, (int)strlen(spaces_deny_text(row->deny, layout->brief, text)));
		if (row->mapping->end > INT64_MAX)
			continue;
		layout->digits = MAX_OF(layout->digits, digits);
		/* Reserved addresses are left out: everything else would look small. */
		if (row->mapping->read || row->mapping->write || row->mapping->exec)
			layout->largest = MAX_OF(layout->largest,
						 log2_pages(row->mapping->end - row->mapping->start));
	}
	layout->range = 2 * layout->digits + 1;
	layout->segment = MIN_OF(segment, 16);
	layout->bar = width <= 80 ? 12 : MIN_OF(12 + ((int)width - 80) / 4, 40);
	/* Bracket, permissions, size, and the blanks between. */
	fixed = 1 + layout->range + 1 + 4 + 1 + 5 + 1 + layout->bar + 1 + 1 + layout->segment + 1 + denied;
	layout->name = MAX_OF((int)width - fixed, LEAST_NAME);
}

/* --- parts of a row --- */

static void draw_bar(const struct layout *layout, const struct mapping *mapping, uint64_t sealed)
{
	uint64_t size = mapping->end - mapping->start, pages = size / page_size();
	unsigned cells = 1;
	enum colour colour = COLOUR_NONE;
	const char *on = "";

	if (layout->largest)
		cells += (unsigned)(layout->bar - 1) * MIN_OF(log2_pages(size), layout->largest) /
			 layout->largest;
	/* A cell stands for at least a page. */
	cells = (unsigned)MIN_OF((uint64_t)cells, MAX_OF(pages, 1));
	for (unsigned i = 0; i < cells; i++) {
		uint64_t start = mapping->start + pages / cells * i * page_size() +
				 pages % cells * i / cells * page_size();
		uint64_t end = mapping->start + pages / cells * (i + 1) * page_size() +
			       pages % cells * (i + 1) / cells * page_size();
		uint64_t part = sealed ? address_space_sealed(layout->space, start, end) : 0;
		enum colour next = COLOUR_DIM;

		if (part)
			next = terminal_segment_colour(address_space_segment(layout->space, start));
		if (i == 0 || next != colour) {
			(void)fputs(terminal_off(layout->terminal, *on ? colour : COLOUR_NONE), layout->out);
			colour = next;
			on = terminal_on(layout->terminal, colour);
			(void)fputs(on, layout->out);
		}
		(void)fputs(part == 0		? layout->cells->none :
			    part == end - start ? layout->cells->full :
						  layout->cells->part,
			    layout->out);
	}
	(void)fputs(terminal_off(layout->terminal, *on ? colour : COLOUR_NONE), layout->out);
	(void)fprintf(layout->out, "%*s", layout->bar - (int)cells, "");
}

static int draw_name(const struct layout *layout, const struct row *row)
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
	put(layout, row->name[0] == '/' ? COLOUR_BOLD : COLOUR_NONE, text);
	(void)fprintf(layout->out, "%*s", layout->name - (int)text_width(text, utf8), "");
	return 0;
}

static const char *bracket(const struct layout *layout, size_t i)
{
	const struct row *row = &layout->space->rows[i];
	bool more = i + 1 < layout->space->maps.count && row[1].joined;

	if (row->joined)
		return more ? layout->glyphs->inner : layout->glyphs->last;
	return more ? layout->glyphs->first : " ";
}

static void draw_gap(const struct layout *layout, size_t i)
{
	const struct row *row = &layout->space->rows[i];
	char size[TEXT_SIZE_MAX], text[64];

	/* Nothing can be mapped between the stack and the kernel's mappings above user memory. */
	if (i == 0 || row[-1].mapping->end >= row->mapping->start || row->mapping->end > INT64_MAX)
		return;
	put(layout, COLOUR_DIM, row->joined ? layout->glyphs->inner : " ");
	(void)snprintf(text, sizeof(text), "%s %s unmapped", layout->glyphs->gap,
		       text_size(row->mapping->start - row[-1].mapping->end, size));
	put(layout, COLOUR_DIM, text);
	(void)fputc('\n', layout->out);
}

static int draw_row(const struct layout *layout, size_t i)
{
	const struct row *row = &layout->space->rows[i];
	const struct mapping *mapping = row->mapping;
	uint64_t bytes = mapping->end - mapping->start;
	char size[TEXT_SIZE_MAX], label[SEGMENTS_MAX], range[64], permissions[5], deny[SPACES_DENY_TEXT_MAX];
	_cleanup_free_ char *segment = NULL;
	enum colour segment_shown = COLOUR_DIM;

	put(layout, COLOUR_DIM, bracket(layout, i));
	(void)snprintf(range, sizeof(range), "%0*" PRIx64 "-%0*" PRIx64, layout->digits, mapping->start,
		       layout->digits, mapping->end);
	if ((int)strlen(range) > layout->range)
		(void)snprintf(range, sizeof(range), "%" PRIx64 "+%" PRIx64, mapping->start, bytes);
	(void)fprintf(layout->out, "%-*s ", layout->range, range);

	(void)snprintf(permissions, sizeof(permissions), "%c%c%c%c", mapping->read ? 'r' : '-',
		       mapping->write ? 'w' : '-', mapping->exec ? 'x' : '-', mapping->shared ? 's' : 'p');
	/* Highlights memory that is writable and executable. */
	put(layout, mapping->write && mapping->exec ? COLOUR_RED : COLOUR_NONE, permissions);
	(void)fprintf(layout->out, " %5s ", text_size(bytes, size));

	draw_bar(layout, mapping, row->sealed);
	(void)fputc(' ', layout->out);
	if (draw_name(layout, row) < 0)
		return -ENOMEM;

	segment = text_shorten(segments_label(row, layout->brief, label), (size_t)layout->segment,
			       layout->terminal->utf8);
	if (!segment)
		return -ENOMEM;
	if (row->sealed)
		segment_shown = terminal_segment_colour(
			(enum mseald_segment)(row->segments ? __builtin_ctz(row->segments) : 0));
	(void)fputc(' ', layout->out);
	put(layout, segment_shown, segment);
	(void)fprintf(layout->out, "%*s ", layout->segment - (int)text_width(segment, layout->terminal->utf8),
		      "");
	put(layout,
	    row->deny[MSEALD_ACTION_KILL]				     ? COLOUR_RED :
	    row->deny[MSEALD_ACTION_AUDIT] && !row->deny[MSEALD_ACTION_DENY] ? COLOUR_YELLOW :
	    row->sealed							     ? COLOUR_NONE :
									       COLOUR_DIM,
	    spaces_deny_text(row->deny, layout->brief, deny));
	(void)fputc('\n', layout->out);
	return 0;
}

/* --- head and foot --- */

static int draw_head(const struct layout *layout)
{
	_cleanup_free_ char *comm = text_escape(layout->space->comm, layout->terminal->utf8);
	size_t seals = layout->space->seals.count, mappings = layout->space->maps.count;

	if (!comm)
		return -ENOMEM;
	put(layout, COLOUR_BOLD, comm);
	(void)fprintf(layout->out, "[%d]: %zu mapping%s, %zu seal%s\n", layout->space->pid, mappings,
		      mappings == 1 ? "" : "s", seals, seals == 1 ? "" : "s");
	return 0;
}

static void draw_legend(const struct layout *layout)
{
	const struct share_cells *cells = layout->cells;

	(void)fprintf(layout->out, "\n%s sealed  %s partly  %s not; the longer the larger (logarithmic)\n",
		      cells->full, cells->part, cells->none);
	if (layout->terminal->colour) {
		for (unsigned segment = 1; segment < MSEALD_SEGMENT_COUNT; segment++) {
			put(layout, terminal_segment_colour(segment), cells->full);
			(void)fprintf(layout->out, " %s  ", names_segment(segment));
		}
		put(layout, terminal_segment_colour(MSEALD_SEGMENT_NONE), cells->full);
		(void)fputs(" sealed by its address\n", layout->out);
	}
	if (layout->brief)
		(void)fputs("denied: m mprotect  u unmap  d discard  f foreign-write  w file-write\n"
			    "        M: killed  ~m: logged\n",
			    layout->out);
}

int map_drawing_print(const struct address_space *space, const struct terminal *terminal, FILE *out)
{
	struct layout layout = {
		.space = space,
		.terminal = terminal,
		.glyphs = terminal->utf8 ? &unicode : &ascii,
		.cells = share_bar_cells(terminal),
		.out = out,
	};

	plan(&layout, terminal->width ? terminal->width : 80);
	if (draw_head(&layout) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < space->maps.count; i++) {
		draw_gap(&layout, i);
		if (draw_row(&layout, i) < 0)
			return -ENOMEM;
	}
	draw_legend(&layout);
	(void)fputc('\n', out);
	share_bar_print(terminal, "all memory", address_space_share(space, SHARE_ALL), out);
	share_bar_print(terminal, "executable", address_space_share(space, SHARE_EXECUTABLE), out);
	return 0;
}
