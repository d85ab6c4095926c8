/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What processes and files call themselves, before it is put where it must break nothing: bytes that do
 * not belong there become "?".
 */
#ifndef MSEALD_BASE_TEXT_H
#define MSEALD_BASE_TEXT_H

#include <jansson.h>

#define TEXT_COMM_MAX 17 /* bytes of the name of a process, with the NUL */

/*
 * For JSON: ASCII, whatever the control characters. Both take a name that need not end with a NUL;
 * return out.
 */
const char *text_comm(const char *comm, char out[TEXT_COMM_MAX]);
/* For a line of the log: neither spaces nor control characters. */
const char *text_comm_line(const char *comm, char out[TEXT_COMM_MAX]);

/* In place: printable ASCII, and spaces. */
void text_make_printable(char *text);
/* In place: no control characters, and all but ASCII only where it is UTF-8. */
void text_clean(char *text);

/* As JSON has it: bytes that are not ASCII only where all is UTF-8. NULL for NULL. */
json_t *text_json(const char *text);

#endif
