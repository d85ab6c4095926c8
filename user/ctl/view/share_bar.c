// SPDX-License-Identifier: LGPL-2.1-or-later
/* See share_bar.h. */
#include "ctl/view/share_bar.h"

#include "ctl/base/text.h"

#define CELLS 24

const struct share_cells *share_bar_cells(const struct terminal *terminal)
{
	static const struct share_cells ascii = { "#", "+", "." };
	static const struct share_cells unicode = { "\u2588", "\u2592", "\u2591" };

	return terminal->utf8 ? &unicode : &ascii;
}

static void print_cells(const struct terminal *terminal, enum colour colour, const char *cell, unsigned count,
			FILE *out)
{
	(void)fputs(terminal_on(terminal, colour), out);
	for (unsigned i = 0; i < count; i++)
		(void)fputs(cell, out);
	(void)fputs(terminal_off(terminal, colour), out);
}

void share_bar_print(const struct terminal *terminal, const char *what, struct share share, FILE *out)
{
	const struct share_cells *cells = share_bar_cells(terminal);
	unsigned full = share.all ? (unsigned)(share.sealed * CELLS / share.all) : 0;
	char sealed[TEXT_SIZE_MAX], all[TEXT_SIZE_MAX];

	(void)fprintf(out, "%-11s ", what);
	print_cells(terminal, COLOUR_GREEN, cells->full, full, out);
	print_cells(terminal, COLOUR_DIM, cells->none, CELLS - full, out);
	(void)fprintf(out, " %3u %%  %s of %s sealed\n", address_space_percent(share),
		      text_size(share.sealed, sealed), text_size(share.all, all));
}
