// SPDX-License-Identifier: LGPL-2.1-or-later
/* See share_bar.h. */
#include "ctl/view/share_bar.h"

#include "ctl/base/text.h"

#define CELLS 24

const char *share_bar_cell(const struct terminal *terminal, enum share_fill fill)
{
	static const char *const ascii[] = { [FILL_NONE] = ".", [FILL_PART] = "+", [FILL_FULL] = "#" };
	static const char *const unicode[] = {
		[FILL_NONE] = "\u2591", [FILL_PART] = "\u2592", [FILL_FULL] = "\u2588"
	};

	return (terminal->utf8 ? unicode : ascii)[fill];
}

const char *share_bar_text(struct share share, char buf[SHARE_TEXT_MAX])
{
	char sealed[TEXT_SIZE_MAX], all[TEXT_SIZE_MAX];

	(void)snprintf(buf, SHARE_TEXT_MAX, "%s of %s sealed", text_size(share.sealed, sealed),
		       text_size(share.all, all));
	return buf;
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
	unsigned full = share.all ? (unsigned)(share.sealed * CELLS / share.all) : 0;
	char text[SHARE_TEXT_MAX];

	(void)fprintf(out, "%-11s ", what);
	print_cells(terminal, COLOUR_GREEN, share_bar_cell(terminal, FILL_FULL), full, out);
	print_cells(terminal, COLOUR_DIM, share_bar_cell(terminal, FILL_NONE), CELLS - full, out);
	(void)fprintf(out, " %3u %%  %s\n", address_space_percent(share), share_bar_text(share, text));
}
