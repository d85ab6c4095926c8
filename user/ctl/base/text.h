/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes text chosen by other processes safe and short enough for a terminal. */
#ifndef MSEALCTL_TEXT_H
#define MSEALCTL_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Returns a copy in which everything but printable characters is written \xNN: control characters, invalid
 * UTF-8, characters without width (marks that turn the direction of writing); without utf8 all bytes that are
 * not ASCII. The caller frees; NULL: out of memory.
 */
char *text_escape(const char *text, bool utf8);

/* The width of escaped text in columns. */
size_t text_width(const char *text, bool utf8);

/* The length in bytes of the longest prefix of at most width columns. */
size_t text_prefix(const char *text, size_t width, bool utf8);

/*
 * Returns a copy of escaped text of at most width columns, with its middle left out; more of the end than of
 * the beginning is kept. The caller frees.
 */
char *text_shorten(const char *text, size_t width, bool utf8);

/* The same for a file path: its last component stays whole if it fits. */
char *text_shorten_path(const char *path, size_t width, bool utf8);

#define TEXT_SIZE_MAX 8
/* Formats as "4K", "1.2M": binary units, at most five characters. Returns buf. */
const char *text_size(uint64_t bytes, char buf[TEXT_SIZE_MAX]);

/* A JSON string; invalid UTF-8 becomes U+FFFD. */
json_t *text_json(const char *text);

#endif
