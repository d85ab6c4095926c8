/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON documents, and members of the daemon's replies. */
#pragma once

#include <jansson.h>

#include "lib/base/util.h"

static inline void cleanup_json(json_t **json)
{
	json_decref(*json);
}

#define _cleanup_json_ _cleanup_(cleanup_json)

/* 0, false, "" and NULL if absent or of another type. */
uint64_t reply_integer(const json_t *object, const char *key);
bool reply_bool(const json_t *object, const char *key);
const char *reply_string(const json_t *object, const char *key);
