/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of docs/design.md for what the shared enums hold: one spelling for
 * options, JSON, policy and messages.
 */
#ifndef MSEALD_BASE_NAMES_H
#define MSEALD_BASE_NAMES_H

#include <stddef.h>

#include "mseald/shared.h"

/* The name, or "unknown" for a value out of range. Static strings. */
const char *names_class(enum mseald_class class);
const char *names_action(enum mseald_action action);
const char *names_op(enum mseald_op op);
const char *names_verdict(enum mseald_verdict verdict);
/* The MSEALD_STOP_* that stop it, any of them; what only some of it needs is left out. */
unsigned names_stops_of_op(enum mseald_op op);
/* -EINVAL: there is none of this name. */
int names_find_op(const char *name);
/* One stop bit: "mprotect", "unmap", "discard", "foreign-write", "file-write". */
const char *names_stop(unsigned stop);

/* The value, or -EINVAL. */
int names_find_class(const char *name);
int names_find_action(const char *name);
int names_find_stop(const char *name);

/*
 * Reads a list such as "text,rodata" (separated by commas or white space, or
 * "all") into a bit mask: 1 << class, or stop bits. -EINVAL for an unknown or
 * empty word, which *ret_bad then names (malloc'ed, the caller frees); the
 * mask is untouched then.
 */
int names_parse_classes(const char *list, unsigned *ret_classes, char **ret_bad);
int names_parse_stops(const char *list, unsigned *ret_stops, char **ret_bad);

/* "mprotect,unmap" into buf, always ended by NUL; "-" for none. Returns buf. */
const char *names_format_stops(unsigned stops, char *buf, size_t size);
const char *names_format_classes(unsigned classes, char *buf, size_t size);

#define MSEALD_CLASSES_ALL 0x7eu	/* every class but NONE */

#endif
