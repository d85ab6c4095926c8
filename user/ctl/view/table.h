/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table of text that fits the terminal where it can. */
#ifndef MSEALCTL_TABLE_H
#define MSEALCTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ctl/base/terminal.h"
#include "lib/base/util.h"

struct column {
	const char *title;
	bool right;	/* aligned to the right */
	unsigned least; /* columns it may be made as narrow as; 0: never made narrower */
	unsigned drop;	/* left out where it is too narrow, the lowest first; 0: never */
	bool wrap;	/* goes on in the next line instead of being shortened */
};

struct cell {
	char *text;   /* escaped; owned */
	size_t width; /* of it, in columns */
	enum colour colour;
};

struct table {
	const struct column *columns;
	size_t column_count;
	struct cell *cells; /* row by row */
	size_t cell_count, allocated;
	bool failed; /* out of memory somewhere */
};

void table_free(struct table *table); /* leaves it empty; for _cleanup_ */
/* The next cell, left to right, row after row. The text is escaped. */
void table_add(struct table *table, const struct terminal *terminal, enum colour colour, const char *format,
	       ...) _printf_(4, 5);
/* Prints title and rows. 0, or -ENOMEM, and then nothing is printed. */
int table_print(const struct table *table, const struct terminal *terminal, FILE *out);

#endif
