/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsing that most keys share: words, booleans, tables of words, lists, and complaints. */
#include <stdarg.h>
#include <strings.h>

#include "lib/conf/ini.h"
#include "lib/conf/parser.h"

void parser_complain(struct parser *p, unsigned line, const char *format, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list arguments;
	int r;

	if (p->fault_count++ >= PARSER_FAULTS_MAX)
		return;
	va_start(arguments, format);
	r = vasprintf(&message, format, arguments);
	va_end(arguments);
	if (r < 0) {
		message = NULL;
		p->error = -ENOMEM;
		return;
	}
	r = diagnostics_add(p->faults, p->path, line, "%s", message);
	if (r < 0)
		p->error = r;
}

void parser_complain_rest(struct parser *p)
{
	if (p->fault_count > PARSER_FAULTS_MAX && p->error == 0)
		p->error = diagnostics_add(p->faults, p->path, 0, "%u more faults",
					   p->fault_count - PARSER_FAULTS_MAX);
}

void parser_complain_word(struct parser *p, const char *what, const char *word, const char *const *known,
			  size_t count, const char *all)
{
	const char *nearest = diagnostics_nearest(word, known, count);

	if (nearest)
		parser_complain(p, p->line, "%s does not know '" SHOWN "'; did you mean %s?", what, word,
				nearest);
	else if (*word == '#' || *word == ';')
		parser_complain(p, p->line,
				"%s does not know '" SHOWN "'; a comment stands on a line of its "
				"own",
				what, word);
	else
		parser_complain(p, p->line, "%s does not know '" SHOWN "'; it takes %s", what, word, all);
}

int parser_boolean(const char *word)
{
	static const char *const yes[] = { "yes", "y", "true", "t", "on", "1" };
	static const char *const no[] = { "no", "n", "false", "f", "off", "0" };

	for (size_t i = 0; i < ELEMENTS(yes); i++) {
		if (strcasecmp(word, yes[i]) == 0)
			return 1;
		if (strcasecmp(word, no[i]) == 0)
			return 0;
	}
	return -1;
}

const char *parser_single(struct parser *p, const char *key, char *value)
{
	const char *word = "", *more = NULL;
	int r;

	r = ini_word(&value, &word);
	if (r == 0)
		return "";
	if (r < 0)
		more = word;
	else
		r = ini_word(&value, &more);
	if (r < 0)
		parser_complain(p, p->line, "%s", more);
	else if (r > 0)
		parser_complain(p, p->line, "%s= takes one value; unexpected '" SHOWN "'", key, more);
	return r == 0 ? word : NULL;
}

void parser_set_boolean(struct parser *p, const char *key, char *value, bool *ret, bool otherwise)
{
	const char *word = parser_single(p, key, value);
	int r;

	if (!word)
		return;
	r = *word ? parser_boolean(word) : otherwise;
	if (r < 0)
		parser_complain(p, p->line, "%s= does not know '" SHOWN "'; it takes yes or no", key, word);
	else
		*ret = r;
}

int parser_choice(struct parser *p, const char *key, char *value, const char *const *known, size_t count,
		  const char *all)
{
	const char *word = parser_single(p, key, value);
	_cleanup_free_ char *what = NULL;

	if (!word)
		return -1;
	if (!*word)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (strcmp(known[i], word) == 0)
			return (int)i;
	what = FORMAT_NEW("%s=", key);
	if (!what) {
		p->error = -ENOMEM;
		return -1;
	}
	parser_complain_word(p, what, word, known, count, all);
	return -1;
}

bool parser_grow(struct parser *p, const char *key, void *list, size_t count, size_t size)
{
	void *longer;

	if (count >= PARSER_VALUES_MAX) {
		if (!p->full || strcmp(p->full, key) != 0)
			parser_complain(p, p->line, "%s= has more than %d values; use a folder or a glob",
					key, PARSER_VALUES_MAX);
		p->full = key;
		return false;
	}
	memcpy(&longer, list, sizeof(longer));
	longer = reallocarray(longer, count + 1, size);
	if (!longer) {
		p->error = -ENOMEM;
		return false;
	}
	memcpy(list, &longer, sizeof(longer));
	return true;
}

char *parser_copy(struct parser *p, const char *text)
{
	char *new = strdup(text);

	if (!new)
		p->error = -ENOMEM;
	return new;
}

/* --- files with one section --- */

static void assign(struct parser *p, const char *name, char *value, const struct parser_key *keys,
		   size_t count, char *result)
{
	const char *names[count], *nearest;
	char all[256] = "";

	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(all);

		names[i] = keys[i].name;
		if (strcmp(keys[i].name, name) == 0) {
			keys[i].set(p, name, value, result + keys[i].member);
			return;
		}
		(void)snprintf(all + length, sizeof(all) - length, "%s%s", i ? ", " : "", keys[i].name);
	}
	nearest = diagnostics_nearest(name, names, count);
	if (nearest)
		parser_complain(p, p->line, "unknown key " SHOWN "=; did you mean %s=?", name, nearest);
	else
		parser_complain(p, p->line, "unknown key " SHOWN "=; keys: %s", name, all);
}

int parser_read(struct parser *p, const char *text, size_t size, const char *section,
		const struct parser_key *keys, size_t count, void *result)
{
	_cleanup_free_ char *copy = strndup(text, size);
	struct ini ini = { .rest = copy };
	enum ini_kind kind;

	if (!copy)
		return -ENOMEM;
	if (strlen(copy) < size) {
		parser_complain(p, 0, "the file has a NUL byte; write plain text");
		*copy = '\0';
	}
	while (p->error == 0 && (kind = ini_next(&ini)) != INI_END) {
		p->line = ini.line;
		if (kind == INI_FAULT) {
			parser_complain(p, p->line, "%s", ini.key);
		} else if (kind == INI_SECTION) {
			p->section = strcmp(ini.key, section) == 0 ? SECTION_FIRST : SECTION_UNKNOWN;
			if (p->section == SECTION_UNKNOWN)
				parser_complain(p, p->line, "unknown section [" SHOWN "]; there is [%s]",
						ini.key, section);
		} else if (p->section == SECTION_NONE) {
			parser_complain(p, p->line, "a key before the first section; write [%s] above it",
					section);
		} else if (p->section == SECTION_FIRST) {
			assign(p, ini.key, ini.value, keys, count, result);
		}
	}
	parser_complain_rest(p);
	return p->error ? p->error : p->fault_count ? -EINVAL : 0;
}
