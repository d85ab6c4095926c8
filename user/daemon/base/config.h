/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mseald.conf(5): what the daemon is to do, from its configuration files. */
#ifndef MSEALD_BASE_CONFIG_H
#define MSEALD_BASE_CONFIG_H

#include "lib/policy/policy.h"

/* --gate= and Gate=. */
enum gate_mode {
	GATE_AUTO, /* the soundest there is */
	GATE_BPF,  /* the same, but never mseal(2): no process is ever traced */
	GATE_KILL, /* never override either: for tests, and to see what an older kernel does */
	/* refuse to start where a row could only be killed; see coverage.h, coverage_spares_32bit() */
	GATE_DENY,
};

#define CONFIG_NEVER UINT64_MAX
#define CONFIG_NATIVE_AFTER (UINT64_C(2) * 1000 * 1000)
#define CONFIG_SETTLE (UINT64_C(10) * 1000 * 1000)

struct config {
	enum gate_mode gate;
	bool debug;
	bool lock;
	bool lock_signals;
	uint32_t user_spaces;  /* sealed address spaces that one user can have */
	uint64_t native_after; /* microseconds until mseal(2) may be called; or CONFIG_NEVER */
	uint64_t settle;       /* microseconds that a loader may take */
};

/* As they are without any file. */
#define CONFIG_DEFAULT \
	{ \
		.gate = GATE_AUTO, .lock_signals = true, .user_spaces = MSEALD_QUOTA_EACH, \
		.native_after = CONFIG_NATIVE_AFTER, .settle = CONFIG_SETTLE, \
	}

/* auto, bpf, deny or kill. -EINVAL. */
int config_parse_gate(const char *word, enum gate_mode *ret);
/* 1 to MSEALD_MAX_SPACES. -EINVAL. */
int config_parse_user_spaces(const char *word, uint32_t *ret);

/*
 * What the text of one file says; path is what faults speak of. *ret has what was read before.
 * Returns as config_read().
 */
int config_parse(const char *path, const char *text, size_t size, struct config *ret,
		 struct diagnostics *faults);

/*
 * Reads mseald.conf, the first there is in /etc/mseald, /run/mseald and
 * /usr/lib/mseald, and then all of mseald.conf.d/NAME.conf in the order of
 * their names, where one in an earlier folder replaces its namesake. What is
 * read later wins. root ("": /) stands before each path, for tests. *ret has
 * the defaults. 0, -EINVAL: faults say why, and *ret is untouched; -ENOMEM.
 */
int config_read(const char *root, struct config *ret, struct diagnostics *faults);

#endif
