/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of reading one configuration file, and what the values of most keys have in common. */
#ifndef MSEALD_CONF_PARSER_H
#define MSEALD_CONF_PARSER_H

#include <stdbool.h>

#include "lib/conf/diagnostics.h"

#define PARSER_FAULTS_MAX 20  /* reported for one file */
#define PARSER_VALUES_MAX 256 /* values of one key in one file */
#define SHOWN "%.80s"	      /* shown of a word that may be long */

/* Which section the keys belong to; a file with several has them from FIRST on. */
enum { SECTION_NONE, SECTION_UNKNOWN, SECTION_FIRST };

struct parser {
	const char *path;
	struct diagnostics *faults;
	unsigned section, line, fault_count;
	int error;	  /* -ENOMEM, once there was none */
	const char *full; /* the key that was reported to have too many values */
};

/* All of these report a fault, or set parser->error. */
void parser_complain(struct parser *p, unsigned line, const char *format, ...) _printf_(3, 4);
/* At the end of the file: reports how many there were beside PARSER_FAULTS_MAX. */
void parser_complain_rest(struct parser *p);
/* That what (as "Deny=") does not know a word, and which was probably meant; all: what it takes. */
void parser_complain_word(struct parser *p, const char *what, const char *word, const char *const *known,
			  size_t count, const char *all);
/* -1: not one. As systemd's. */
int parser_boolean(const char *word);
/* The only word of a value; NULL after a complaint, "" for none. */
const char *parser_single(struct parser *p, const char *key, char *value);
void parser_set_boolean(struct parser *p, const char *key, char *value, bool *ret, bool otherwise);
/* One word out of a table, whose index it returns, 0 without any; -1 after a complaint. */
int parser_choice(struct parser *p, const char *key, char *value, const char *const *known, size_t count,
		  const char *all);
/* Room for one more of a list, whose address it takes. */
bool parser_grow(struct parser *p, const char *key, void *list, size_t count, size_t size);
char *parser_copy(struct parser *p, const char *text);

#endif
