// SPDX-License-Identifier: LGPL-2.1-or-later
/* See names_json.h. */
#include "lib/base/names_json.h"

json_t *names_json_bits(unsigned bits, const char *(*name)(unsigned number))
{
	json_t *list = json_array();

	for (; bits; bits &= bits - 1)
		(void)json_array_append_new(list, json_string(name((unsigned)__builtin_ctz(bits))));
	return list;
}

static const char *deny_name(unsigned number)
{
	return names_deny(1u << number);
}

json_t *names_json_deny(unsigned deny)
{
	return names_json_bits(deny, deny_name);
}

static const char *segment_name(unsigned number)
{
	return names_segment((enum mseald_segment)number);
}

json_t *names_json_segments(unsigned segments)
{
	return names_json_bits(segments, segment_name);
}

unsigned names_json_read(const json_t *object, const char *key, int (*bit)(const char *name))
{
	const json_t *words = json_object_get(object, key), *word;
	unsigned bits = 0;
	size_t i;

	json_array_foreach(words, i, word) {
		int value = json_is_string(word) ? bit(json_string_value(word)) : -1;

		bits |= value < 0 ? 0 : (unsigned)value;
	}
	return bits;
}

int names_json_segment_bit(const char *name)
{
	int segment = names_find_segment(name);

	return segment < 0 ? segment : 1 << segment;
}
