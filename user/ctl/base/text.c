// SPDX-License-Identifier: LGPL-2.1-or-later
/* Escaping, shortening and sizes: see text.h. */
#include <wchar.h>

#include "ctl/base/text.h"
#include "lib/base/util.h"

/* Overlong forms and surrogates are not valid. */
int32_t text_decode(const char *text, size_t *ret_length)
{
	const unsigned char *t = (const unsigned char *)text;
	static const int32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length;
	int32_t c;

	*ret_length = 1;
	if (t[0] < 0x80)
		return t[0];
	if (t[0] >= 0xf0 && t[0] < 0xf8) {
		length = 4;
		c = t[0] & 0x07;
	} else if (t[0] >= 0xe0 && t[0] < 0xf0) {
		length = 3;
		c = t[0] & 0x0f;
	} else if (t[0] >= 0xc0 && t[0] < 0xe0) {
		length = 2;
		c = t[0] & 0x1f;
	} else {
		return -1;
	}
	for (size_t i = 1; i < length; i++) {
		if ((t[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (t[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return -1;
	*ret_length = length;
	return c;
}

/* The width of a character in columns; 0: it must not be printed. */
static size_t columns(int32_t c)
{
	int width;

	if (c < 0x80)
		return c >= 0x20 && c < 0x7f;
	width = wcwidth((wchar_t)c);
	return width > 0 ? (size_t)width : 0;
}

/* The length of the printable ASCII prefix: one byte, one column. Most text consists of nothing else. */
static size_t plain_prefix(const char *text)
{
	size_t length = 0;

	while (text[length] >= 0x20 && text[length] < 0x7f)
		length++;
	return length;
}

char *text_escape(const char *text, bool utf8)
{
	size_t plain = plain_prefix(text);
	char *copy = malloc(plain + 4 * strlen(text + plain) + 1), *out = copy;

	if (!copy)
		return NULL;
	out = mempcpy(out, text, plain);
	text += plain;
	while (*text) {
		size_t length;
		int32_t c = text_decode(text, &length);

		if (c >= 0 && (utf8 || c < 0x80) && columns(c) > 0) {
			memcpy(out, text, length);
			out += length;
		} else {
			for (size_t i = 0; i < length; i++)
				out += sprintf(out, "\\x%02x", (unsigned char)text[i]);
		}
		text += length;
	}
	*out = '\0';
	return copy;
}

size_t text_width(const char *text, bool utf8)
{
	size_t width;

	if (!utf8)
		return strlen(text);
	width = plain_prefix(text);
	text += width;
	while (*text) {
		size_t length;

		width += columns(text_decode(text, &length));
		text += length;
	}
	return width;
}

size_t text_prefix(const char *text, size_t width, bool utf8)
{
	const char *start = text;

	while (*text) {
		size_t length = 1, need = 1;

		if (utf8)
			need = columns(text_decode(text, &length));
		if (need > width)
			break;
		width -= need;
		text += length;
	}
	return (size_t)(text - start);
}

char *text_shorten(const char *text, size_t width, bool utf8)
{
	const char *mark = utf8 ? "\u2026" : "..";
	size_t mark_width = utf8 ? 1 : 2, all = text_width(text, utf8), head;
	size_t head_length;
	const char *tail;

	if (all <= width)
		return strdup(text);
	if (width <= mark_width)
		return strndup("..", width);

	head = (width - mark_width) * 2 / 5;
	head_length = text_prefix(text, head, utf8);
	/* The cut may be one column wider than needed, if a wide character straddles it. */
	tail = text + head_length;
	while (text_width(tail, utf8) > width - mark_width - head) {
		size_t length = 1;

		if (utf8)
			(void)text_decode(tail, &length);
		tail += length;
	}
	return FORMAT_NEW("%.*s%s%s", (int)head_length, text, mark, tail);
}

char *text_shorten_path(const char *path, size_t width, bool utf8)
{
	const char *mark = utf8 ? "\u2026" : "..", *last = strrchr(path, '/');
	size_t mark_width = utf8 ? 1 : 2, need;

	if (!last || text_width(path, utf8) <= width)
		return text_shorten(path, width, utf8);
	need = text_width(last, utf8) + mark_width;
	if (need + 2 > width)
		return text_shorten(path, width, utf8);
	return FORMAT_NEW("%.*s%s%s", (int)text_prefix(path, width - need, utf8), path, mark, last);
}

char *text_shorten_front(const char *text, size_t width)
{
	const char *last = strrchr(text, '/'), *tail = text;

	if (text_width(text, true) <= width)
		return strdup(text);
	if (!last || text_width(last, true) + 1 > width)
		return text_shorten(last ? last + 1 : text, width, true);
	/* As many components as fit. */
	while (text_width(tail, true) + 1 > width)
		tail = strchr(tail + 1, '/');
	return FORMAT_NEW("\u2026%s", tail);
}

const char *text_size(uint64_t bytes, char buf[TEXT_SIZE_MAX])
{
	static const char units[] = "\0KMGTPE";
	size_t unit = 0;
	uint64_t whole = bytes, rest = 0;

	while (whole >= 1024) {
		rest = whole % 1024;
		whole /= 1024;
		unit++;
	}
	/* Rounded down, so that an incomplete amount is never shown as whole. */
	if (unit > 0 && whole < 10 && rest * 10 / 1024 > 0)
		(void)snprintf(buf, TEXT_SIZE_MAX, "%u.%u%c", (unsigned)whole, (unsigned)(rest * 10 / 1024),
			       units[unit]);
	else
		(void)snprintf(buf, TEXT_SIZE_MAX, "%u%.1s", (unsigned)(whole & 0x3ff), units + unit);
	return buf;
}

json_t *text_json(const char *text)
{
	_cleanup_free_ char *copy = malloc(3 * strlen(text) + 1);
	char *out = copy;

	if (!copy)
		return NULL;
	while (*text) {
		size_t length;

		if (text_decode(text, &length) < 0) {
			memcpy(out, "\xef\xbf\xbd", 3);
			out += 3;
		} else {
			memcpy(out, text, length);
			out += length;
		}
		text += length;
	}
	*out = '\0';
	return json_string(copy);
}
