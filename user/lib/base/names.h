/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of the values of the shared enums, as in docs/design/model.md, "Terms": one spelling for options,
 * JSON, policies and messages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "mseald/shared.h"

/* The name, or "unknown" for a value out of range. Static strings. */
const char *names_segment(enum mseald_segment segment);
const char *names_action(enum mseald_action action);
const char *names_op(enum mseald_op op);
const char *names_verdict(enum mseald_verdict verdict);
/*
 * The MSEALD_DENY_* that deny the operation, any of them. Bits that deny only some uses of it are left out.
 */
unsigned names_deny_of_op(enum mseald_op op);
/* The value, or -EINVAL: no such name. */
int names_find_op(const char *name);
int names_find_verdict(const char *name);
/* A kind of attempt (MSEALD_KIND_*) by the number of its bit; and the bit of a name, or -EINVAL. */
const char *names_kind(unsigned number);
int names_find_kind(const char *name);
/* One deny bit: "mprotect", "unmap", "discard", "foreign-write", "file-write". */
const char *names_deny(unsigned bit);

/* The value, or -EINVAL. */
int names_find_segment(const char *name);
int names_find_action(const char *name);
int names_find_deny(const char *name);

/*
 * Reads a list such as "text,rodata" (separated by commas or white space, or "all") into a bit mask: 1 <<
 * segment, or deny bits. -EINVAL for an unknown or empty word, which *ret_bad then names (malloc'ed, the
 * caller frees); the mask is untouched then.
 */
int names_parse_segments(const char *list, unsigned *ret_segments, char **ret_bad);
int names_parse_deny(const char *list, unsigned *ret_deny, char **ret_bad);

/* Formats a list such as "mprotect,unmap" into buf, always ended by NUL; "-" for none. Returns buf. */
const char *names_format_deny(unsigned deny, char *buf, size_t size);
const char *names_format_segments(unsigned segments, char *buf, size_t size);

#define MSEALD_SEGMENTS_ALL 0x7eu /* every segment but NONE */

#define NAMES_CONTAINER_ID_MAX 128 /* bytes */

/*
 * Is it a valid container id: letters, digits and _ . + : -, the first no dot? The id is used as a file name.
 */
bool names_is_container_id(const char *id); /* takes NULL */
