/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mseald.conf(5): the settings of the daemon, from its configuration files. */
#pragma once

#include "lib/policy/policy.h"

/* --gate= and Gate=. */
enum gate_mode {
	GATE_AUTO, /* the soundest gate of this kernel */
	GATE_BPF,  /* the same, but never mseal(2): no process is traced */
	GATE_KILL, /* nor override: for tests, and to see the behaviour of an older kernel */
	/* refuse to start if a row could only be enforced by a kill; see coverage_spares_32bit() */
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
	uint32_t user_spaces;  /* limit of sealed address spaces per user */
	uint64_t native_after; /* microseconds until mseal(2) may be called; or CONFIG_NEVER */
	uint64_t settle;       /* microseconds allowed for a loader */
};

/* The defaults. */
#define CONFIG_DEFAULT \
	{ \
		.gate = GATE_AUTO, .lock_signals = true, .user_spaces = MSEALD_QUOTA_EACH, \
		.native_after = CONFIG_NATIVE_AFTER, .settle = CONFIG_SETTLE, \
	}

/* auto, bpf, deny or kill. -EINVAL. */
int config_parse_gate(const char *word, enum gate_mode *ret);
/* 1 to MSEALD_MAX_SPACES. -EINVAL. */
int config_parse_user_spaces(const char *word, uint32_t *ret);

/* Reads the text of one file; path is for messages. *ret has the settings so far. As config_read(). */
int config_parse(const char *path, const char *text, size_t size, struct config *ret,
		 struct diagnostics *faults);

/*
 * Reads mseald.conf, the first that exists in /etc/mseald, /run/mseald and /usr/lib/mseald, then all
 * mseald.conf.d/NAME.conf in the order of their names. A file in an earlier folder replaces one of the same
 * name; a setting read later wins. root ("": /) precedes each path, for tests. *ret holds the defaults. 0;
 * -EINVAL: faults say why, and *ret is unchanged; -ENOMEM.
 */
int config_read(const char *root, struct config *ret, struct diagnostics *faults);
