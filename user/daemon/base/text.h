/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes names of processes and files safe for output: unsuitable bytes become "?". */
#pragma once

#include <jansson.h>

#define TEXT_COMM_MAX 17 /* bytes of a process name, with the NUL */

/* For JSON: ASCII, with control characters. Both take a name that need not end with a NUL; return out. */
const char *text_comm(const char *comm, char out[TEXT_COMM_MAX]);
/* For a log line: neither spaces nor control characters. */
const char *text_comm_line(const char *comm, char out[TEXT_COMM_MAX]);

/* In place: printable ASCII and spaces. */
void text_make_printable(char *text);
/* In place: no control characters; other bytes than ASCII only in valid UTF-8. */
void text_clean(char *text);

/* A JSON string; other bytes than ASCII only if the whole text is UTF-8. NULL for NULL. */
json_t *text_json(const char *text);
