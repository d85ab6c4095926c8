/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An SVG file with text in columns, for windows of three sizes. In a smaller window, media queries of
 * its style sheet move columns, hide columns and show shorter text. The file has no scripts and loads no
 * other files. A viewer without media queries shows the wide page.
 */
#pragma once

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>

#include "ctl/base/terminal.h"
#include "ctl/view/share_bar.h"

enum svg_size { SVG_WIDE, SVG_MEDIUM, SVG_NARROW, SVG_SIZE_COUNT };

struct svg_column {
	const char *title;
	size_t width[SVG_SIZE_COUNT]; /* characters; of a bar pixels; 0: hidden */
	bool right;		      /* aligned to the right */
	bool bar;
	bool path;			/* shortened at the front, other columns in the middle */
	unsigned start[SVG_SIZE_COUNT]; /* set by svg_page_columns() */
	unsigned number;		/* of its class; the title of a bar has the next number */
};

struct svg_page {
	FILE *body, *rules[SVG_SIZE_COUNT];
	char *body_text, *rules_text[SVG_SIZE_COUNT];
	size_t body_size, rules_size[SVG_SIZE_COUNT];
	unsigned width[SVG_SIZE_COUNT];
	unsigned y;	/* of the next row */
	unsigned lines; /* of the open row */
	unsigned numbers;
	struct {
		unsigned x[SVG_SIZE_COUNT], y[SVG_SIZE_COUNT];
	} flow; /* of the next item of a legend */
	locale_t locale, before;
	bool failed; /* out of memory somewhere */
};

#define SVG_LEFT 24 /* the first column, in pixels; brackets are left of it */
#define SVG_ROW 18  /* the height of a row */

/* False: out of memory. The caller closes the page in both cases. */
bool svg_page_open(struct svg_page *page);
/* Sets the positions of columns. A page can have several sets of columns. */
void svg_page_columns(struct svg_page *page, struct svg_column *columns, size_t count);
void svg_page_titles(struct svg_page *page, const struct svg_column *columns, size_t count);
/* Prints name and more ("nginx", "[286]") as heading, and text below. All functions escape their text. */
void svg_page_head(struct svg_page *page, const char *name, const char *more, const char *text);

/* Begins a row. tooltip: escaped already, may have several lines; NULL: none. lines: of its cells, 1 or 2. */
void svg_page_row(struct svg_page *page, const char *tooltip, unsigned lines);
/* Prints a cell, shortened to its column. brief: the text on medium and narrow pages; NULL: the same. */
void svg_page_cell(struct svg_page *page, const struct svg_column *column, enum colour colour,
		   const char *text, const char *brief);
/* Prints a cell that may continue in a second line, at a blank. */
void svg_page_wrapped(struct svg_page *page, const struct svg_column *column, enum colour colour,
		      const char *text);
/* Lines of such a cell: the maximum of all sizes. */
unsigned svg_page_lines(const struct svg_column *column, const char *text);
/* Prints a part of a bar; start and end in thousandths of its width. */
void svg_page_part(struct svg_page *page, const struct svg_column *column, unsigned start, unsigned end,
		   enum share_fill fill, enum colour colour);
void svg_page_row_end(struct svg_page *page);
/* Prints a row with a dashed line and text. */
void svg_page_gap(struct svg_page *page, const char *text);
/* Prints a bracket at the left, from y to the end of the last row. */
void svg_page_bracket(struct svg_page *page, unsigned y);
/* Prints a row with name, bar, percentage and sizes for each share. */
void svg_page_shares(struct svg_page *page, const char *const *what, const struct share *shares,
		     size_t count);

/*
 * Prints an item of the legend, a sign and text, on the current line if it fits. The legend is the last
 * part of a page. fill FILL_COUNT: no sign. brief: not on the wide page.
 */
void svg_page_item(struct svg_page *page, enum share_fill fill, enum colour colour, const char *text,
		   bool brief);
/* Ends a line of items. */
void svg_page_items_end(struct svg_page *page);

/* Prints the page to out, and frees it. title, description: for screen readers. 0 or -ENOMEM. */
int svg_page_close(struct svg_page *page, const char *title, const char *description, FILE *out);
