// SPDX-License-Identifier: LGPL-2.1-or-later
/* Members of the daemon's replies: see reply.h. */
#include "ctl/base/reply.h"

uint64_t reply_integer(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

bool reply_bool(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const char *reply_string(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}
