// SPDX-License-Identifier: LGPL-2.1-or-later
/* Widths of columns, and printing: see table.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/base/text.h"
#include "ctl/view/table.h"
#include "lib/base/util.h"

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	table->cells = NULL;
	table->cell_count = table->allocated = 0;
}

/*
 * The text of a cell, escaped; NULL: no memory. Tables are long, and most cells are short or a
 * text as it is.
 */
static char *escape_printed(bool utf8, const char *format, va_list arguments)
{
	_cleanup_free_ char *longer = NULL;
	char text[64];
	va_list again;
	int length;

	if (strcmp(format, "%s") == 0)
		return text_escape(va_arg(arguments, const char *), utf8);
	va_copy(again, arguments);
	length = vsnprintf(text, sizeof(text), format, arguments);
	if (length >= (int)sizeof(text) && vasprintf(&longer, format, again) < 0) {
		longer = NULL;
		length = -1;
	}
	va_end(again);
	return length < 0 ? NULL : text_escape(longer ? longer : text, utf8);
}

void table_add(struct table *table, const struct terminal *terminal, enum colour colour, const char *format,
	       ...)
{
	struct cell cell = { .colour = colour };
	va_list arguments;

	va_start(arguments, format);
	cell.text = escape_printed(terminal->utf8, format, arguments);
	va_end(arguments);
	if (cell.text)
		cell.width = text_width(cell.text, terminal->utf8);
	if (table->cell_count == table->allocated) {
		size_t allocated = table->allocated ? 2 * table->allocated : 64;
		struct cell *cells = reallocarray(table->cells, allocated, sizeof(*cells));

		if (!cells) {
			free(cell.text);
			table->failed = true;
			return;
		}
		table->cells = cells;
		table->allocated = allocated;
	}
	if (!cell.text)
		table->failed = true;
	table->cells[table->cell_count++] = cell;
}

struct widths {
	size_t *list; /* a column of width 0 is left out */
	size_t gap;
};

static size_t total_width(const struct table *table, const struct widths *widths)
{
	size_t total = 0;

	for (size_t i = 0; i < table->column_count; i++)
		if (widths->list[i])
			total += widths->list[i] + (total ? widths->gap : 0);
	return total;
}

static void fit_widths(const struct table *table, struct widths *widths, size_t limit)
{
	unsigned last = 0;

	for (size_t i = 0; i < table->column_count; i++)
		last = MAX_OF(last, table->columns[i].drop);

	/* First what may be shortened, the last column first; then the gaps; then what may be left out. */
	for (size_t i = table->column_count; i-- > 0;) {
		size_t total = total_width(table, widths), least = table->columns[i].least,
		       *width = &widths->list[i];

		if (total <= limit)
			return;
		if (least && *width > least)
			*width -= MIN_OF(total - limit, *width - least);
	}
	if (total_width(table, widths) > limit)
		widths->gap = 1;
	for (unsigned drop = 1; drop <= last; drop++)
		for (size_t i = 0; i < table->column_count; i++)
			if (table->columns[i].drop == drop && total_width(table, widths) > limit)
				widths->list[i] = 0;
}

/* Bytes of text that go into this line of at most width columns, broken at a blank where there is one. */
static size_t line_length(const char *text, size_t width, bool utf8)
{
	size_t fits = text_prefix(text, width, utf8), end = fits;

	if (!text[fits])
		return fits;
	while (end > 0 && text[end] != ' ')
		end--;
	return end ? end : MAX_OF(fits, 1);
}

static void put_blanks(size_t count, FILE *out)
{
	static const char blanks[] = "                                ";

	while (count) {
		size_t some = MIN_OF(count, sizeof(blanks) - 1);

		(void)fwrite(blanks, 1, some, out);
		count -= some;
	}
}

static void put_text(const struct terminal *terminal, enum colour colour, const char *text, FILE *out)
{
	bool coloured = terminal->colour && *text;

	if (coloured)
		(void)fputs(terminal_on(terminal, colour), out);
	(void)fputs(text, out);
	if (coloured)
		(void)fputs(terminal_off(terminal, colour), out);
}

/* One line of a row. rest: what of each cell is still to be printed; moved on. */
static int print_line(const struct table *table, const struct terminal *terminal, const struct widths *widths,
		      const struct cell *cells, const char **rest, FILE *out)
{
	bool first = true;
	size_t last = 0;

	for (size_t i = 0; i < table->column_count; i++)
		if (widths->list[i] && *rest[i])
			last = i;
	for (size_t i = 0; i <= last; i++) {
		const struct column *column = &table->columns[i];
		size_t width = widths->list[i], length = strlen(rest[i]), pad;
		_cleanup_free_ char *part = NULL;
		const char *text = rest[i];

		if (!width)
			continue;
		if (text == cells[i].text && cells[i].width <= width) {
			pad = width - cells[i].width; /* all of it */
		} else {
			if (column->wrap)
				length = line_length(text, width, terminal->utf8);
			text = part = column->wrap ? strndup(text, length) :
						     text_shorten(text, width, terminal->utf8);
			if (!part)
				return -ENOMEM;
			pad = width - text_width(part, terminal->utf8);
		}
		rest[i] += length;
		rest[i] += strspn(rest[i], " ");
		put_blanks((first ? 0 : widths->gap) + (column->right ? pad : 0), out);
		put_text(terminal, cells[i].colour, text, out);
		put_blanks(column->right || i == last ? 0 : pad, out);
		first = false;
	}
	(void)fputc('\n', out);
	return 0;
}

static int print_row(const struct table *table, const struct terminal *terminal, const struct widths *widths,
		     const struct cell *cells, const char **rest, FILE *out)
{
	bool more = true;

	for (size_t i = 0; i < table->column_count; i++)
		rest[i] = cells[i].text;
	while (more) {
		int r = print_line(table, terminal, widths, cells, rest, out);

		if (r < 0)
			return r;
		more = false;
		for (size_t i = 0; i < table->column_count; i++)
			more |= widths->list[i] && *rest[i];
	}
	return 0;
}

int table_print(const struct table *table, const struct terminal *terminal, FILE *out)
{
	size_t columns = table->column_count;
	_cleanup_free_ size_t *list = calloc(columns, sizeof(*list));
	_cleanup_free_ struct cell *titles = calloc(columns, sizeof(*titles));
	_cleanup_free_ const char **rest = calloc(columns, sizeof(*rest));
	struct widths widths = { list, 2 };
	int r;

	if (table->failed || !list || !titles || !rest)
		return -ENOMEM;
	for (size_t i = 0; i < columns; i++) {
		titles[i] = (struct cell){ .text = (char *)table->columns[i].title, .colour = COLOUR_BOLD };
		list[i] = titles[i].width = strlen(titles[i].text);
	}
	for (size_t i = 0; i < table->cell_count; i++)
		list[i % columns] = MAX_OF(list[i % columns], table->cells[i].width);
	if (terminal->width)
		fit_widths(table, &widths, terminal->width);

	r = print_row(table, terminal, &widths, titles, rest, out);
	for (size_t i = 0; i + columns <= table->cell_count && r == 0; i += columns)
		r = print_row(table, terminal, &widths, table->cells + i, rest, out);
	return r;
}
