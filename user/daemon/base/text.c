// SPDX-License-Identifier: LGPL-2.1-or-later
/* See text.h. */
#include "base/text.h"

#include "lib/base/util.h"

static bool is_ascii(unsigned char c)
{
	return c < 0x80;
}

static bool is_graphic(unsigned char c)
{
	return c > ' ' && c < 0x7f;
}

static bool is_printable(unsigned char c)
{
	return c >= ' ' && c < 0x7f;
}

static bool is_no_control(unsigned char c)
{
	return c >= ' ' && c != 0x7f;
}

static void replace(char *text, bool (*belongs)(unsigned char))
{
	for (; *text; text++)
		if (!belongs((unsigned char)*text))
			*text = '?';
}

static const char *copy_comm(const char *comm, char out[TEXT_COMM_MAX], bool (*belongs)(unsigned char))
{
	size_t length = strnlen(comm, TEXT_COMM_MAX - 1);

	memcpy(out, comm, length);
	out[length] = '\0';
	replace(out, belongs);
	return out;
}

const char *text_comm(const char *comm, char out[TEXT_COMM_MAX])
{
	return copy_comm(comm, out, is_ascii);
}

const char *text_comm_line(const char *comm, char out[TEXT_COMM_MAX])
{
	return copy_comm(comm, out, is_graphic);
}

void text_make_printable(char *text)
{
	replace(text, is_printable);
}

void text_clean(char *text)
{
	json_t *valid = json_string(text);

	replace(text, valid ? is_no_control : is_printable);
	json_decref(valid);
}

json_t *text_json(const char *text)
{
	json_t *string = text ? json_string(text) : NULL;
	_cleanup_free_ char *plain = text && !string ? strdup(text) : NULL;

	if (!plain)
		return string;
	replace(plain, is_ascii);
	return json_string(plain);
}
