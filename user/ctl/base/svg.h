/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes SVG: text escaped for XML, and the colours of a terminal as classes of a style sheet. */
#pragma once

#include <stdio.h>

#include "ctl/base/terminal.h"

/* Text for an element or a quoted attribute. Each character that XML excludes becomes U+FFFD. */
void svg_escape(FILE *out, const char *text);
/* <title>: a browser shows it as the tooltip of the element around it. */
void svg_title(FILE *out, const char *text);

/* The class of a colour in the rules of svg_style(). */
const char *svg_class(enum colour colour);
/* Prints the rules of all colours: for a light page, and for a dark page (prefers-color-scheme). */
void svg_style(FILE *out);
