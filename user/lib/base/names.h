/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words of docs/design.md for what the shared enums hold: one spelling for
 * options, JSON, policy and messages.
 */
#ifndef MSEALD_NAMES_H
#define MSEALD_NAMES_H

#include <stddef.h>

#include "mseald/shared.h"

/* The name, or "unknown" for a value out of range. Static strings. */
const char *mseald_class_name(enum mseald_class class);
const char *mseald_action_name(enum mseald_action action);
const char *mseald_op_name(enum mseald_op op);
const char *mseald_verdict_name(enum mseald_verdict verdict);
/* The MSEALD_STOP_* that stop it, any of them; what only some of it needs is left out. */
unsigned mseald_op_stop(enum mseald_op op);
/* -EINVAL: there is none of this name. */
int mseald_op_from_name(const char *name);
/* One stop bit: "mprotect", "unmap", "discard", "foreign-write", "file-write". */
const char *mseald_stop_name(unsigned stop);

/* The value, or -EINVAL. */
int mseald_class_from_name(const char *name);
int mseald_action_from_name(const char *name);
int mseald_stop_from_name(const char *name);

/*
 * Reads a list such as "text,rodata" (separated by commas or white space, or
 * "all") into a bit mask: 1 << class, or stop bits. -EINVAL for an unknown or
 * empty word, which *ret_bad then names (malloc'ed, the caller frees); the
 * mask is untouched then.
 */
int mseald_classes_parse(const char *list, unsigned *ret_classes, char **ret_bad);
int mseald_stops_parse(const char *list, unsigned *ret_stops, char **ret_bad);

/* "mprotect,unmap" into buf, always ended by NUL; "-" for none. Returns buf. */
const char *mseald_stops_format(unsigned stops, char *buf, size_t size);
const char *mseald_classes_format(unsigned classes, char *buf, size_t size);

#define MSEALD_CLASSES_ALL 0x7eu	/* every class but NONE */

#endif
