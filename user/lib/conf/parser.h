/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of reading one policy file, and the functions of its keys. */
#ifndef MSEALD_POLICYPARSER_H
#define MSEALD_POLICYPARSER_H

#include "lib/policy/internal.h"

#define POLICY_FAULTS_MAX 20	/* told of one file */
#define SHOWN "%.80s"		/* what is told of a word that may be long */

enum section { SECTION_NONE, SECTION_POLICY, SECTION_MATCH, SECTION_SEAL, SECTION_UNKNOWN };

struct parser {
	const char *root, *path;
	struct policy *policy;
	struct policy_faults *faults;
	enum section section;
	unsigned line, fault_count;
	int error;			/* -ENOMEM, once there was none */
	const char *full;		/* the key that was told to have too many values */
	/* [Seal], until the end, when all of it is known. */
	unsigned classes, stops;	/* what Segments= and Deny= add up to */
	bool exempt;			/* Segments=none */
	unsigned exempt_line;
	enum policy_word { WORD_UNSAID, WORD_DENY, WORD_ALLOW } foreign, file;
};

/* --- conf/parser.c: all of these tell what is wrong, or set parser->error --- */

void parser_complain(struct parser *p, unsigned line, const char *format, ...) _printf_(3, 4);
/* At the end of the file: how many there were beside the POLICY_FAULTS_MAX that were told. */
void parser_tell_rest(struct parser *p);
/* That what (as "Deny=") does not know a word, and which was probably meant; all: what it takes. */
void parser_complain_word(struct parser *p, const char *what, const char *word, const char *const *known, size_t count,
			  const char *all);
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

/* --- the keys: policy/keys_match.c, policy/keys_seal.c --- */

void policy_set_exe(struct parser *p, const char *key, char *value);
void policy_set_unit(struct parser *p, const char *key, char *value);
void policy_set_cgroup(struct parser *p, const char *key, char *value);
void policy_set_user(struct parser *p, const char *key, char *value);
void policy_set_marked(struct parser *p, const char *key, char *value);
void policy_set_segments(struct parser *p, const char *key, char *value);
void policy_set_deny(struct parser *p, const char *key, char *value);
void policy_set_foreign(struct parser *p, const char *key, char *value);
void policy_set_file(struct parser *p, const char *key, char *value);
void policy_set_action(struct parser *p, const char *key, char *value);
void policy_set_gate(struct parser *p, const char *key, char *value);
void policy_set_dlopen(struct parser *p, const char *key, char *value);
void policy_set_description(struct parser *p, const char *key, char *value);
void policy_set_enabled(struct parser *p, const char *key, char *value);
/* What can only be said when all of the file is known. */
void policy_finish(struct parser *p);

/* --- policy/parse.c --- */

void policy_clear_exe(struct policy *policy);
void policy_clear_unit(struct policy *policy);
void policy_clear_cgroup(struct policy *policy);
void policy_clear_user(struct policy *policy);

#endif
