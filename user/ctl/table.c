// SPDX-License-Identifier: LGPL-2.1-or-later
/* Widths of columns, and printing: see table.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "table.h"
#include "text.h"
#include "util.h"

#define GAP "  "
#define GAP_WIDTH 2

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

/* A column of width 0 is left out. */
static size_t total_width(const struct table *table, const size_t *widths)
{
	size_t total = 0;

	for (size_t i = 0; i < table->column_count; i++)
		if (widths[i])
			total += widths[i] + (total ? GAP_WIDTH : 0);
	return total;
}

static void fit_widths(const struct table *table, size_t *widths, size_t limit)
{
	unsigned last = 0;

	for (size_t i = 0; i < table->column_count; i++)
		last = MAX_OF(last, table->columns[i].drop);

	/* First what may be shortened, the last column first; then what may be left out. */
	for (size_t i = table->column_count; i-- > 0;) {
		size_t total = total_width(table, widths), least = table->columns[i].least, over;

		if (total <= limit)
			return;
		over = total - limit;
		if (least && widths[i] > least)
			widths[i] -= MIN_OF(over, widths[i] - least);
	}
	for (unsigned drop = 1; drop <= last; drop++)
		for (size_t i = 0; i < table->column_count; i++)
			if (table->columns[i].drop == drop && total_width(table, widths) > limit)
				widths[i] = 0;
}

static int print_row(const struct table *table, const struct terminal *terminal, const size_t *widths,
		     const struct cell *cells, FILE *out)
{
	size_t last = 0;
	bool first = true;

	for (size_t i = 0; i < table->column_count; i++)
		if (widths[i] && *cells[i].text)
			last = i;
	for (size_t i = 0; i <= last; i++) {
		const struct column *column = &table->columns[i];
		_cleanup_free_ char *text = NULL;
		int pad;

		if (!widths[i])
			continue;
		text = text_shorten(cells[i].text, widths[i], terminal->utf8);
		if (!text)
			return -ENOMEM;
		pad = (int)(widths[i] - text_width(text, terminal->utf8));
		(void)fprintf(out, "%s%*s%s%s%s%*s", first ? "" : GAP, column->right ? pad : 0, "",
			      terminal_on(terminal, cells[i].colour), text, terminal_off(terminal, cells[i].colour),
			      column->right || i == last ? 0 : pad, "");
		first = false;
	}
	(void)fputc('\n', out);
	return 0;
}

int table_print(const struct table *table, const struct terminal *terminal, FILE *out)
{
	size_t columns = table->column_count;
	_cleanup_free_ size_t *widths = calloc(columns, sizeof(*widths));
	_cleanup_free_ struct cell *titles = calloc(columns, sizeof(*titles));
	int r;

	if (table->failed || !widths || !titles)
		return -ENOMEM;
	for (size_t i = 0; i < columns; i++) {
		titles[i] = (struct cell){ .text = (char *)table->columns[i].title, .colour = COLOUR_BOLD };
		widths[i] = text_width(titles[i].text, false);
	}
	for (size_t i = 0; i < table->cell_count; i++)
		widths[i % columns] = MAX_OF(widths[i % columns], text_width(table->cells[i].text, terminal->utf8));
	if (terminal->width)
		fit_widths(table, widths, terminal->width);

	r = print_row(table, terminal, widths, titles, out);
	for (size_t i = 0; i + columns <= table->cell_count && r == 0; i += columns)
		r = print_row(table, terminal, widths, table->cells + i, out);
	return r;
}
