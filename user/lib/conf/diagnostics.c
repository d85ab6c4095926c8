/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages about the faults of a configuration file, and the word that was probably meant. */
#include <stdarg.h>

#include "lib/base/list.h"
#include "lib/conf/diagnostics.h"

#define WORD_MAX 24 /* longer words resemble no known word */

/* A copy with control characters written \xNN: a message is one line, and harmless on a terminal. */
static char *escape(const char *text)
{
	char *copy = malloc(4 * strlen(text) + 1), *out = copy;

	if (!copy)
		return NULL;
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			out += sprintf(out, "\\x%02x", c);
		else
			*out++ = (char)c;
	}
	*out = '\0';
	return copy;
}

static int append(struct diagnostics *faults, struct diagnostic fault)
{
	if (list_grow(&faults->list, faults->count, 1, &faults->allocated, sizeof(*faults->list)) < 0)
		return -ENOMEM;
	faults->list[faults->count++] = fault;
	return 0;
}

int diagnostics_add(struct diagnostics *faults, const char *path, unsigned line, const char *format, ...)
{
	_cleanup_free_ char *text = NULL, *message = NULL, *copy = NULL;
	va_list arguments;
	int r;

	if (!faults)
		return 0;
	va_start(arguments, format);
	r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0) {
		text = NULL;
		return -ENOMEM;
	}
	message = escape(text);
	copy = strdup(path);
	if (!message || !copy)
		return -ENOMEM;
	r = append(faults, (struct diagnostic){ .path = copy, .line = line, .message = message });
	if (r < 0)
		return r;
	(void)TAKE_PTR(copy);
	(void)TAKE_PTR(message);
	return 0;
}

char *diagnostic_text(const struct diagnostic *fault)
{
	_cleanup_free_ char *path = escape(fault->path);

	if (!path)
		return NULL;
	return fault->line ? FORMAT_NEW("%s:%u: %s", path, fault->line, fault->message) :
			     FORMAT_NEW("%s: %s", path, fault->message);
}

void diagnostics_free(struct diagnostics *faults)
{
	if (!faults)
		return;
	for (size_t i = 0; i < faults->count; i++) {
		free(faults->list[i].path);
		free(faults->list[i].message);
	}
	free(faults->list);
	*faults = (struct diagnostics){};
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The number of letters to change, add, leave out or swap with the next; case is ignored. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[WORD_MAX + 1][WORD_MAX + 1];
	size_t m = strlen(a), n = strlen(b);

	if (m > WORD_MAX || n > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= m; i++) {
		for (size_t j = 0; j <= n; j++) {
			unsigned least;

			if (i == 0 || j == 0) {
				rows[i][j] = (unsigned)(i + j);
				continue;
			}
			least = rows[i - 1][j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
			least = MIN_OF(least, rows[i - 1][j] + 1);
			least = MIN_OF(least, rows[i][j - 1] + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				least = MIN_OF(least, rows[i - 2][j - 2] + 1);
			rows[i][j] = least;
		}
	}
	return rows[m][n];
}

const char *diagnostics_nearest(const char *word, const char *const *known, size_t count)
{
	const char *nearest = NULL;
	unsigned least = WORD_MAX;

	for (size_t i = 0; i < count; i++) {
		unsigned this = distance(word, known[i]);

		/* A word that differs in more than a third of its letters is another word. */
		if (this < least && this <= MAX_OF(strlen(known[i]) / 3, (size_t)1)) {
			least = this;
			nearest = known[i];
		}
	}
	return nearest;
}
