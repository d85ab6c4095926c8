/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Properties of standard output: colour, UTF-8, width. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mseald/shared.h"

struct terminal {
	size_t width; /* columns; 0: no limit (not a terminal, and COLUMNS is not set) */
	bool colour, utf8;
};

enum colour {
	COLOUR_NONE,
	COLOUR_BOLD,
	COLOUR_DIM,
	COLOUR_RED,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_BLUE,
	COLOUR_MAGENTA,
	COLOUR_CYAN,
	COLOUR_COUNT,
};

/* Examines stdout. Colour on a terminal, unless NO_COLOR is set or TERM is dumb; UTF-8 by the locale. */
struct terminal terminal_detect(void);

/* The escape sequences; "" without colour. */
const char *terminal_on(const struct terminal *terminal, enum colour colour);
const char *terminal_off(const struct terminal *terminal, enum colour colour);

/* One colour for each segment, the same everywhere. */
enum colour terminal_segment_colour(enum mseald_segment segment);
