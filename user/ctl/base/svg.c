// SPDX-License-Identifier: LGPL-2.1-or-later
/* See svg.h. */
#include "ctl/base/svg.h"

#include "ctl/base/text.h"
#include "lib/base/util.h"

/* XML 1.0, production Char: XML excludes all other characters, escaped or not. */
static bool is_char(int32_t c)
{
	return c >= 0x20 ? c != 0xfffe && c != 0xffff : c == '\t' || c == '\n' || c == '\r';
}

void svg_escape(FILE *out, const char *text)
{
	while (*text) {
		size_t length;
		int32_t c = text_decode(text, &length);

		switch (c) {
		case '&': (void)fputs("&amp;", out); break;
		case '<': (void)fputs("&lt;", out); break;
		case '>': (void)fputs("&gt;", out); break;
		case '"': (void)fputs("&quot;", out); break;
		case '\'': (void)fputs("&#39;", out); break;
		default:
			if (is_char(c))
				(void)fwrite(text, 1, length, out);
			else
				(void)fputs("\ufffd", out);
		}
		text += length;
	}
}

void svg_title(FILE *out, const char *text)
{
	(void)fputs("<title>", out);
	svg_escape(out, text);
	(void)fputs("</title>", out);
}

/*
 * The contrast of each colour with its background is at least 4.5, the minimum of WCAG 2.1 for text.
 * The rules have values instead of CSS variables: viewers without CSS variables would draw black.
 */
static const struct {
	const char *class, *light, *dark;
} colours[COLOUR_COUNT] = {
	[COLOUR_NONE] = { "n", "#1f2328", "#e6edf3" },
	[COLOUR_BOLD] = { "bold", "#1f2328", "#f0f6fc" },
	[COLOUR_DIM] = { "dim", "#59636e", "#9198a1" },
	[COLOUR_RED] = { "red", "#cf222e", "#ff7b72" },
	[COLOUR_GREEN] = { "green", "#1a7f37", "#3fb950" },
	[COLOUR_YELLOW] = { "yellow", "#9a6700", "#d29922" },
	[COLOUR_BLUE] = { "blue", "#0969da", "#58a6ff" },
	[COLOUR_MAGENTA] = { "magenta", "#8250df", "#d2a8ff" },
	[COLOUR_CYAN] = { "cyan", "#0b7285", "#39c5cf" },
};

const char *svg_class(enum colour colour)
{
	return colours[colour].class;
}

void svg_style(FILE *out)
{
	(void)fputs(":root{background:#fff}.bold{font-weight:bold}\n", out);
	for (enum colour colour = 0; colour < COLOUR_COUNT; colour++)
		(void)fprintf(out, ".%s{fill:%s}", colours[colour].class, colours[colour].light);
	(void)fputs("\n@media(prefers-color-scheme:dark){:root{background:#0d1117}\n", out);
	for (enum colour colour = 0; colour < COLOUR_COUNT; colour++)
		(void)fprintf(out, ".%s{fill:%s}", colours[colour].class, colours[colour].dark);
	(void)fputs("}\n", out);
}
