// SPDX-License-Identifier: LGPL-2.1-or-later
/* Colour and width of standard output: see terminal.h. */
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/base/terminal.h"

#define LEAST_WIDTH 40
#define DEFAULT_WIDTH 80

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

/* COLUMNS is also used without a terminal, for example by tests. */
static size_t detect_width(bool tty)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col < LEAST_WIDTH ? LEAST_WIDTH : size.ws_col;
	if (columns) {
		unsigned long width = strtoul(columns, NULL, 10);

		if (width > 0 && width < 10000)
			return width < LEAST_WIDTH ? LEAST_WIDTH : width;
	}
	return tty ? DEFAULT_WIDTH : 0;
}

struct terminal terminal_detect(void)
{
	const char *term = getenv("TERM");
	bool tty = isatty(STDOUT_FILENO);

	return (struct terminal){
		.width = detect_width(tty),
		.colour = tty && !is_set("NO_COLOR") && !(term && strcmp(term, "dumb") == 0),
		.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
	};
}

const char *terminal_on(const struct terminal *terminal, enum colour colour)
{
	static const char *const sequences[COLOUR_COUNT] = {
		[COLOUR_NONE] = "",	    [COLOUR_BOLD] = "\033[1m",	   [COLOUR_DIM] = "\033[2m",
		[COLOUR_RED] = "\033[31m",  [COLOUR_GREEN] = "\033[32m",   [COLOUR_YELLOW] = "\033[33m",
		[COLOUR_BLUE] = "\033[94m", [COLOUR_MAGENTA] = "\033[35m", [COLOUR_CYAN] = "\033[36m",
	};

	return terminal->colour ? sequences[colour] : "";
}

const char *terminal_off(const struct terminal *terminal, enum colour colour)
{
	return terminal->colour && colour != COLOUR_NONE ? "\033[m" : "";
}

enum colour terminal_segment_colour(enum mseald_segment segment)
{
	static const enum colour colours[MSEALD_SEGMENT_COUNT] = {
		[MSEALD_SEGMENT_NONE] = COLOUR_BOLD,   [MSEALD_SEGMENT_TEXT] = COLOUR_GREEN,
		[MSEALD_SEGMENT_RODATA] = COLOUR_CYAN, [MSEALD_SEGMENT_RELRO] = COLOUR_BLUE,
		[MSEALD_SEGMENT_DATA] = COLOUR_YELLOW, [MSEALD_SEGMENT_VDSO] = COLOUR_MAGENTA,
		[MSEALD_SEGMENT_STACK] = COLOUR_RED,
	};

	return segment < MSEALD_SEGMENT_COUNT ? colours[segment] : COLOUR_NONE;
}
