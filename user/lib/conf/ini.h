/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The syntax of a configuration file: sections, assignments, words. */
#pragma once

enum ini_kind { INI_END, INI_SECTION, INI_ASSIGNMENT, INI_FAULT };

struct ini {
	char *rest;    /* unread part of the text; reading modifies it */
	unsigned line; /* of the item read last, from 1 */
	/* a section has its name in key, a fault its message (never NULL) */
	char *key, *value;
	char fault[96];
};

/* The next item, skipping comments and empty lines; the text ends in NUL. */
enum ini_kind ini_next(struct ini *ini);
/* The next word of a value. 1; 0 at the end; or -EINVAL and the fault in *ret_word. Modifies the value. */
int ini_word(char **value, const char **ret_word);
