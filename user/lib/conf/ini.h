/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The form of a configuration file: sections, assignments, words. */
#ifndef MSEALD_CONF_INI_H
#define MSEALD_CONF_INI_H

enum ini_kind { INI_END, INI_SECTION, INI_ASSIGNMENT, INI_FAULT };

struct ini {
	char *rest;    /* the part not read yet; changed while it is read */
	unsigned line; /* of what was read last, from 1 */
	/* a section has its name in key; a fault its text (never NULL) */
	char *key, *value;
	char fault[96];
};

/* The next that is no comment and no empty line; text is ended by NUL. */
enum ini_kind ini_next(struct ini *ini);
/*
 * The next word of a value: 1, 0 at the end, or -EINVAL and the fault in *ret_word. The value
 * is changed.
 */
int ini_word(char **value, const char **ret_word);

#endif
