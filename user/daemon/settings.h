/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mseald.conf(5): what the daemon is to do, from its configuration files. */
#ifndef MSEALD_SETTINGS_H
#define MSEALD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "choice.h"
#include "mseald/shared.h"
#include "lib/policy/policy.h"

struct settings {
	enum gate_mode gate;
	bool debug;
	bool lock;
	bool lock_signals;
	uint32_t user_spaces;		/* sealed address spaces that one user can have */
};

/* As they are without any file. */
#define SETTINGS_DEFAULT { .gate = GATE_AUTO, .lock_signals = true, .user_spaces = MSEALD_PLACES_EACH }

/* auto, bpf, deny or kill. -EINVAL. */
int settings_parse_gate(const char *word, enum gate_mode *ret);
/* 1 to MSEALD_MAX_SPACES. -EINVAL. */
int settings_parse_user_spaces(const char *word, uint32_t *ret);

/* What the text of one file says; path is what faults speak of. *ret has what was read before. Returns as settings_read(). */
int settings_parse(const char *path, const char *text, size_t size, struct settings *ret, struct diagnostics *faults);

/*
 * Reads mseald.conf, the first there is in /etc/mseald, /run/mseald and
 * /usr/lib/mseald, and then all of mseald.conf.d/NAME.conf in the order of
 * their names, where one in an earlier folder replaces its namesake. What is
 * read later wins. root ("": /) stands before each path, for tests. *ret has
 * the defaults. 0, -EINVAL: faults say why, and *ret is untouched; -ENOMEM.
 */
int settings_read(const char *root, struct settings *ret, struct diagnostics *faults);

#endif
