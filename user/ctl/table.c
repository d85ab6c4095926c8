// SPDX-License-Identifier: LGPL-2.1-or-later
/* Widths of columns, and printing: see table.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "text.h"
#include "util.h"

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	table->cells = NULL;
	table->cell_count = table->allocated = 0;
}

void table_add(struct table *table, const struct terminal *terminal, enum colour colour, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	struct cell cell = { .colour = colour };
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0)
		text = NULL;
	else
		cell.text = text_escape(text, terminal->utf8);
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
	size_t *list;		/* a column of width 0 is left out */
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
		size_t total = total_width(table, widths), least = table->columns[i].least, *width = &widths->list[i];

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
		size_t width = widths->list[i], length = strlen(rest[i]);
		_cleanup_free_ char *text = NULL;
		int pad;

		if (!width)
			continue;
		if (column->wrap) {
			length = line_length(rest[i], width, terminal->utf8);
			text = strndup(rest[i], length);
		} else {
			text = text_shorten(rest[i], width, terminal->utf8);
		}
		if (!text)
			return -ENOMEM;
		rest[i] += length;
		rest[i] += strspn(rest[i], " ");
		pad = (int)(width - text_width(text, terminal->utf8));
		(void)fprintf(out, "%*s%*s%s%s%s%*s", first ? 0 : (int)widths->gap, "", column->right ? pad : 0, "",
			      terminal_on(terminal, *text ? cells[i].colour : COLOUR_NONE), text,
			      terminal_off(terminal, *text ? cells[i].colour : COLOUR_NONE),
			      column->right || i == last ? 0 : pad, "");
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
		list[i] = strlen(titles[i].text);
	}
	for (size_t i = 0; i < table->cell_count; i++)
		list[i % columns] = MAX_OF(list[i % columns], text_width(table->cells[i].text, terminal->utf8));
	if (terminal->width)
		fit_widths(table, &widths, terminal->width);

	r = print_row(table, terminal, &widths, titles, rest, out);
	for (size_t i = 0; i + columns <= table->cell_count && r == 0; i += columns)
		r = print_row(table, terminal, &widths, table->cells + i, rest, out);
	return r;
}
