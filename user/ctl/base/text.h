/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text that other processes chose, made safe and short enough for a terminal. */
#ifndef MSEALCTL_TEXT_H
#define MSEALCTL_TEXT_H

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

/* Columns that escaped text takes. */
size_t text_width(const char *text, bool utf8);

/* Bytes of the longest beginning that takes at most width columns. */
size_t text_prefix(const char *text, size_t width, bool utf8);

/*
 * A copy of escaped text with its middle left out so that it takes at most
 * width columns; more of the end than of the beginning is kept. The caller frees.
 */
char *text_shorten(const char *text, size_t width, bool utf8);

/* The same for the path of a file: its last component stays whole where there is room for it. */
char *text_shorten_path(const char *path, size_t width, bool utf8);

/*
 * A copy of an escaped path, in UTF-8, without as many of its first components as necessary. If the last
 * component does not fit, the copy is that component, with its middle left out.
 */
char *text_shorten_front(const char *text, size_t width);

#define TEXT_SIZE_MAX 8
/* "4K", "1.2M": binary units, at most five characters. Returns buf. */
const char *text_size(uint64_t bytes, char buf[TEXT_SIZE_MAX]);

/* A JSON string; bytes that are not UTF-8 become U+FFFD. */
json_t *text_json(const char *text);

#endif
