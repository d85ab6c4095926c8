/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the files of this folder; all others need policy.h only. */
#pragma once

#include "lib/base/util.h"
#include "lib/conf/ini.h"
#include "lib/conf/parser.h"
#include "lib/policy/policy.h"

enum {
	SECTION_POLICY = SECTION_FIRST,
	SECTION_MATCH,
	SECTION_SEAL,
};

/* The state of reading one policy. */
struct policy_parser {
	struct parser base;
	const char *root;
	struct policy *policy;
	/* [Seal], up to the end of the file, when all of it is known. */
	unsigned segments, deny; /* sums of Segments= and Deny= */
	bool exempt;		 /* Segments=none */
	unsigned exempt_line;
	enum policy_word { WORD_UNSAID, WORD_DENY, WORD_ALLOW } foreign, file;
};

/* --- keys_match.c, keys_seal.c: the keys --- */

void policy_set_exe(struct policy_parser *p, const char *key, char *value);
void policy_set_unit(struct policy_parser *p, const char *key, char *value);
void policy_set_cgroup(struct policy_parser *p, const char *key, char *value);
void policy_set_user(struct policy_parser *p, const char *key, char *value);
void policy_set_marked(struct policy_parser *p, const char *key, char *value);
void policy_set_segments(struct policy_parser *p, const char *key, char *value);
void policy_set_deny(struct policy_parser *p, const char *key, char *value);
void policy_set_foreign(struct policy_parser *p, const char *key, char *value);
void policy_set_file(struct policy_parser *p, const char *key, char *value);
void policy_set_action(struct policy_parser *p, const char *key, char *value);
void policy_set_gate(struct policy_parser *p, const char *key, char *value);
void policy_set_dlopen(struct policy_parser *p, const char *key, char *value);
void policy_set_description(struct policy_parser *p, const char *key, char *value);
void policy_set_enabled(struct policy_parser *p, const char *key, char *value);
void policy_set_last(struct policy_parser *p, const char *key, char *value);
/* Checks that need the whole file. */
void policy_finish(struct policy_parser *p);
