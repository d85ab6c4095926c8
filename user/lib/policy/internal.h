/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the rooms of user/lib/policy*.c have in common; everyone else needs policy.h only. */
#ifndef MSEALD_POLICYPARTS_H
#define MSEALD_POLICYPARTS_H

#include <sys/stat.h>

#include "lib/policy/policy.h"
#include "lib/base/util.h"

/* --- conf/diagnostics.c --- */

/* Adds one; faults may be NULL. 0 or -ENOMEM. */
int policy_faults_add(struct policy_faults *faults, const char *path, unsigned line, const char *format, ...)
	_printf_(4, 5);
/* The known word that was probably meant, or NULL. */
const char *policy_nearest(const char *word, const char *const *known, size_t count);

/* --- conf/ini.c: sections, assignments, words --- */

enum policy_ini_kind { POLICY_INI_END, POLICY_INI_SECTION, POLICY_INI_ASSIGNMENT, POLICY_INI_FAULT };

struct policy_ini {
	char *rest;			/* what is not read yet; changed while it is read */
	unsigned line;			/* of what was read last, from 1 */
	char *key, *value;		/* a section has its name in key; a fault what is wrong (never NULL) */
	char fault[96];
};

/* The next that is no comment and no empty line; text is ended by NUL. */
enum policy_ini_kind policy_ini_next(struct policy_ini *ini);
/* The next word of a value: 1, 0 at the end, or -EINVAL and what is wrong in *ret_word. The value is changed. */
int policy_ini_word(char **value, const char **ret_word);

/* --- policy/path.c --- */

/* Takes out doubled "/", "/./" and a "/" at the end ("/" becomes ""). -EINVAL for a "..", or if it is not absolute. */
int policy_path_normalize(char *path);
/*
 * The path with its symbolic links followed as far as they exist, in a file
 * system that begins at root ("": /); without root. Malloc'ed. -ELOOP, -ENAMETOOLONG, -ENOMEM.
 */
int policy_path_follow(const char *root, const char *path, char **ret);

/* --- conf/load.c --- */

/*
 * The bytes of a file, whole and as they were at one time. -EINVAL: faults say
 * why. told is the path to speak of. With guarded nobody else may be able to write it.
 */
int policy_load(const char *path, const char *told, bool guarded, char **ret_text, size_t *ret_size,
		struct policy_faults *faults);
/* What to say of a file or folder that others could change: NULL when they cannot. */
const char *policy_unguarded(const struct stat *st);

/* --- policies.c --- */

/* Is that the name of a file that counts, in a folder of them? */
bool policy_is_file_name(const char *name);

/* --- policy/match.c --- */

bool policy_is_glob(const char *text);

#endif
