/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The syntax of a configuration file: empty lines, comments, [Section] and Key=value, with values made of
 * words. docs/dependencies.md says why this is not libinih.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/conf/ini.h"

static const char blank[] = " \t";

static char *strip(char *text)
{
	size_t length;

	text += strspn(text, blank);
	length = strlen(text);
	while (length > 0 && strchr(blank, text[length - 1]))
		text[--length] = '\0';
	return text;
}

/* Cuts the next line off, without its end. NULL at the end of the text. */
static char *next_line(struct ini *ini)
{
	static const char mark[] = "\xef\xbb\xbf"; /* U+FEFF, which some editors write first */
	char *line = ini->rest, *end;

	if (ini->line == 0 && strncmp(line, mark, strlen(mark)) == 0)
		line += strlen(mark);
	if (!*line)
		return NULL;
	end = strchrnul(line, '\n');
	ini->rest = *end ? end + 1 : end;
	*end = '\0';
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	ini->line++;
	return line;
}

static enum ini_kind fault(struct ini *ini, const char *what)
{
	(void)snprintf(ini->fault, sizeof(ini->fault), "%s", what);
	ini->key = ini->fault;
	return INI_FAULT;
}

/* Returns a control character in text, or NUL. */
static unsigned char control_character(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return c;
	}
	return '\0';
}

static enum ini_kind read_section(struct ini *ini, char *line)
{
	size_t length = strlen(line);

	if (line[length - 1] != ']' || length < 3)
		return fault(ini, "a section is written [Name], alone on its line");
	line[length - 1] = '\0';
	ini->key = line + 1;
	return INI_SECTION;
}

static enum ini_kind read_assignment(struct ini *ini, char *line)
{
	char *equals = strchr(line, '=');

	if (!equals || equals == line)
		return fault(ini, "line not understood; write Key=value, [Section], or # and a comment");
	if (line[strlen(line) - 1] == '\\')
		return fault(ini, "a line cannot continue on the next; repeat the key to add values");
	*equals = '\0';
	ini->key = strip(line);
	ini->value = strip(equals + 1);
	return INI_ASSIGNMENT;
}

enum ini_kind ini_next(struct ini *ini)
{
	char *line;

	while ((line = next_line(ini))) {
		unsigned char control = control_character(line);

		if (control) {
			(void)snprintf(ini->fault, sizeof(ini->fault),
				       "the line has the control character \\x%02x; write plain text",
				       control);
			ini->key = ini->fault;
			return INI_FAULT;
		}
		line = strip(line);
		if (!*line || *line == '#' || *line == ';')
			continue;
		return *line == '[' ? read_section(ini, line) : read_assignment(ini, line);
	}
	return INI_END;
}

/* Cuts the text up to the closing quote; \" and \\ stand for " and \. NULL without a closing quote. */
static char *unquote(char *text)
{
	char *out = text;

	for (; *text != '"'; text++) {
		if (*text == '\\' && (text[1] == '"' || text[1] == '\\'))
			text++;
		if (!*text)
			return NULL;
		*out++ = *text;
	}
	*out = '\0';
	return text + 1;
}

int ini_word(char **value, const char **ret_word)
{
	char *word = *value + strspn(*value, blank), *end;

	if (!*word)
		return 0;
	if (*word == '"') {
		end = unquote(++word);
		if (!end || (*end && !strchr(blank, *end))) {
			*ret_word = end ? "after a quoted value there must be a space" :
					  "a quote (\") is not closed";
			return -EINVAL;
		}
		*value = end;
	} else {
		end = word + strcspn(word, blank);
		*value = *end ? end + 1 : end;
		*end = '\0';
		if (strchr(word, '"')) {
			*ret_word = "a quote (\") stands inside a value; quote the whole value";
			return -EINVAL;
		}
	}
	*ret_word = word;
	return 1;
}
