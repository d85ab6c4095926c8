// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See table.h. libsmartcols is never told the terminal's width: 2.38 and 2.41 make columns narrower in
 * different ways.
 */
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>

#include "ctl/base/text.h"
#include "ctl/view/table.h"
#include "lib/base/util.h"

#define GAP_FROM 100 /* a narrower terminal has one blank between columns instead of two */

static bool is_narrow(const struct terminal *terminal, unsigned least)
{
	return terminal->width && terminal->width < least;
}

struct table table_new(const struct column *columns, size_t count, const struct terminal *terminal)
{
	struct table table = { .terminal = terminal,
			       .columns = columns,
			       .count = count,
			       .widths = calloc(count, sizeof(size_t)),
			       .scols = scols_new_table() };

	table.failed = !table.scols || !table.widths;
	for (size_t i = 0; i < count && !table.failed; i++) {
		const struct column *column = &columns[i];
		bool hidden = is_narrow(terminal, column->least);
		struct libscols_column *made = scols_table_new_column(
			table.scols, column->title, 0,
			(column->right ? SCOLS_FL_RIGHT : 0) | (hidden ? SCOLS_FL_HIDDEN : 0) |
				(column->wrap ? SCOLS_FL_WRAP : 0));

		table.widths[i] = hidden ? 0 : strlen(column->title);
		table.failed = !made || scols_cell_set_color(scols_column_get_header(made), "\033[1m") < 0;
		if (made && column->wrap)
			(void)scols_column_set_wrapfunc(made, scols_wrapnl_chunksize, scols_wrapnl_nextchunk,
							NULL);
	}
	if (table.failed)
		return table;
	table.failed = scols_table_set_column_separator(table.scols,
							is_narrow(terminal, GAP_FROM) ? " " : "  ") < 0;
	(void)scols_table_enable_noencoding(table.scols, true); /* text_escape() escapes more */
	(void)scols_table_enable_minout(table.scols, true);
	(void)scols_table_enable_colors(table.scols, terminal->colour);
	(void)scols_table_set_termforce(table.scols, SCOLS_TERMFORCE_NEVER);
	return table;
}

void table_free(struct table *table)
{
	scols_unref_table(table->scols);
	free(table->widths);
}

void table_add(struct table *table, enum colour colour, const char *format, ...)
{
	_cleanup_free_ char *text = NULL, *escaped = NULL;
	size_t i = table->cells++ % table->count;
	va_list arguments;

	if (table->failed)
		return;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	escaped = text ? text_escape(text, table->terminal->utf8) : NULL;
	if (i == 0)
		table->line = scols_table_new_line(table->scols, NULL);
	table->failed = !escaped || !table->line || scols_line_set_data(table->line, i, escaped) < 0 ||
			scols_cell_set_color(scols_line_get_cell(table->line, i),
					     *escaped && colour ? terminal_on(table->terminal, colour) :
								  NULL) < 0;
	if (!table->failed && table->widths[i])
		table->widths[i] = MAX_OF(table->widths[i], text_width(escaped, table->terminal->utf8));
}

/* Makes columns narrower, one character at a time in turn, until all fit: first those with a share. */
static void narrow(const struct table *table)
{
	size_t limit = table->terminal->width, total = 0;

	for (size_t i = 0; i < table->count; i++)
		if (table->widths[i])
			total += table->widths[i] +
				 (total ? (is_narrow(table->terminal, GAP_FROM) ? 1 : 2) : 0);
	for (int all = false; all <= true; all++)
		for (bool less = true; less && total > limit;) {
			less = false;
			for (size_t i = 0; i < table->count && total > limit; i++) {
				const struct column *column = &table->columns[i];
				size_t least = strlen(column->title);

				if (!all)
					least = column->share ? MAX_OF(least, limit * column->share / 100) :
								limit;
				if ((!column->shorten && !column->wrap) || table->widths[i] <= least)
					continue;
				table->widths[i]--;
				total--;
				less = true;
			}
		}
}

/* Returns a copy with a line break after at most width columns: at a blank, if possible. */
static char *wrap(const char *text, size_t width, bool utf8)
{
	char *copy = malloc(2 * strlen(text) + 1), *out = copy;

	while (copy && *text) {
		size_t fits = MAX_OF(text_prefix(text, width, utf8), 1), end = fits;

		while (text[fits] && end > 0 && text[end] != ' ')
			end--;
		end = end ?: fits;
		out = mempcpy(out, text, end);
		text += end + (text[end] == ' ');
		*out++ = *text ? '\n' : '\0';
	}
	return copy;
}

static int fit_cell(const struct table *table, size_t i, struct libscols_line *line)
{
	const char *text = scols_cell_get_data(scols_line_get_cell(line, i)) ?: "";
	size_t width = table->widths[i];
	bool utf8 = table->terminal->utf8;
	_cleanup_free_ char *fitted = NULL;

	if (!width || text_width(text, utf8) <= width)
		return 0;
	fitted = table->columns[i].wrap ? wrap(text, width, utf8) :
		 *text == '/'		? text_shorten_path(text, width, utf8) :
					  text_shorten(text, width, utf8);
	return fitted ? scols_line_set_data(line, i, fitted) : -ENOMEM;
}

int table_print(struct table *table, FILE *out)
{
	struct libscols_iter *lines = scols_new_iter(SCOLS_ITER_FORWARD);
	struct libscols_line *line;

	table->failed |= !lines;
	if (!table->failed && table->terminal->width) {
		narrow(table);
		while (scols_table_next_line(table->scols, lines, &line) == 0)
			for (size_t i = 0; i < table->count; i++)
				table->failed |= fit_cell(table, i, line) < 0;
	}
	scols_free_iter(lines);
	return table->failed || scols_table_set_stream(table->scols, out) < 0 ||
			       scols_print_table(table->scols) < 0 ?
		       -ENOMEM :
		       0;
}
