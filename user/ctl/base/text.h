/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes text chosen by other processes safe and short enough for a terminal. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Returns the character at text and sets its length in bytes; -1 and 1 if the text is not valid UTF-8.
 * The text must not be empty.
 */
int32_t text_decode(const char *text, size_t *ret_length);

/*
 * A copy in which everything but printable characters is written \xNN: control
 * characters, what is not UTF-8, what has no width (marks that turn the
 * direction of writing); without utf8 all that is not ASCII. The caller frees; NULL: out of memory.
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

/*
 * A copy of an escaped path, in UTF-8, without as many of its first components as necessary. If the last
 * component does not fit, the copy is that component, with its middle left out.
 */
char *text_shorten_front(const char *text, size_t width);

#define TEXT_SIZE_MAX 8
/* Formats as "4K", "1.2M": binary units, at most five characters. Returns buf. */
const char *text_size(uint64_t bytes, char buf[TEXT_SIZE_MAX]);

/* A JSON string; invalid UTF-8 becomes U+FFFD. */
json_t *text_json(const char *text);
