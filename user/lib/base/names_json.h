/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bit masks as JSON arrays of the words of names.h. */
#pragma once

#include <jansson.h>

#include "lib/base/names.h"

json_t *names_json_bits(unsigned bits, const char *(*name)(unsigned number));
json_t *names_json_deny(unsigned deny);
json_t *names_json_segments(unsigned segments);
/* The mask of a member of an object. bit: that of a word, or negative: such words are skipped. */
unsigned names_json_read(const json_t *object, const char *key, int (*bit)(const char *name));
/* For names_json_read(): 1 << segment. */
int names_json_segment_bit(const char *name);
