/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table of text that fits the terminal if possible: libsmartcols, with escaped cells. */
#pragma once

#include "ctl/base/terminal.h"
#include "lib/base/util.h"

struct column {
	const char *title;
	bool right; /* aligned to the right */
	/* On a narrow terminal: */
	unsigned least; /* hide the column below this width */
	bool shorten;	/* narrow the column; the middle of its text is left out */
	bool wrap;	/* narrow the column; its text continues in the next line, at a blank */
	unsigned share; /* percent of the terminal: narrowed to this before columns without a share */
};

struct table {
	const struct terminal *terminal;
	const struct column *columns;
	size_t *widths; /* of the columns; 0: hidden */
	size_t count, cells;
	struct libscols_table *scols;
	struct libscols_line *line; /* the last row */
	bool failed;		    /* out of memory somewhere */
};

struct table table_new(const struct column *columns, size_t count, const struct terminal *terminal);
void table_free(struct table *table); /* for _cleanup_ */
/* Adds the next cell, left to right, row after row. Escapes the text. */
void table_add(struct table *table, enum colour colour, const char *format, ...) _printf_(3, 4);
/* Prints title and rows, once. 0; -ENOMEM: nothing is printed. */
int table_print(struct table *table, FILE *out);
