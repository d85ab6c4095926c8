/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of reading one configuration file, and the parsing that most keys share. */
#pragma once

#include <stdbool.h>

#include "lib/conf/diagnostics.h"

#define PARSER_FAULTS_MAX 20  /* reported for one file */
#define PARSER_VALUES_MAX 256 /* of one key in one file */
#define SHOWN "%.80s"	      /* for a word in a message: it may be long */

/* The section of the current keys. A file with several sections numbers them from FIRST on. */
enum { SECTION_NONE, SECTION_UNKNOWN, SECTION_FIRST };

struct parser {
	const char *path;
	struct diagnostics *faults;
	unsigned section, line, fault_count;
	int error;	  /* -ENOMEM, once memory was missing */
	const char *full; /* key already reported for too many values */
};

/* A key of a file that has one section. */
struct parser_key {
	const char *name;
	size_t member; /* offset in the result */
	void (*set)(struct parser *p, const char *key, char *value, void *member);
};

/* Reads such a file into the members of *result. -EINVAL after a complaint, -ENOMEM: some may be set. */
int parser_read(struct parser *p, const char *text, size_t size, const char *section,
		const struct parser_key *keys, size_t count, void *result);

/* All of these report a fault, or set parser->error. */
void parser_complain(struct parser *p, unsigned line, const char *format, ...) _printf_(3, 4);
/* At the end of the file: reports the number of faults beyond PARSER_FAULTS_MAX. */
void parser_complain_rest(struct parser *p);
/*
 * Complains about an unknown word, and names the word that was probably meant. what: for example "Deny=";
 * all: the words it takes.
 */
void parser_complain_word(struct parser *p, const char *what, const char *word, const char *const *known,
			  size_t count, const char *all);
/* The same words as in systemd; -1: not a boolean. */
int parser_boolean(const char *word);
/* The only word of a value; "" for an empty value; NULL after a complaint. */
const char *parser_single(struct parser *p, const char *key, char *value);
void parser_set_boolean(struct parser *p, const char *key, char *value, bool *ret, bool otherwise);
/* Index of a word in a table; 0 for an empty value, -1 after a complaint. */
int parser_choice(struct parser *p, const char *key, char *value, const char *const *known, size_t count,
		  const char *all);
/* Makes room for one more element of a list; takes the list's address. */
bool parser_grow(struct parser *p, const char *key, void *list, size_t count, size_t size);
char *parser_copy(struct parser *p, const char *text);
