/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How memory is to be sealed: one struct for a policy, a request, a container and `msealctl run`, so that
 * none of them can forget a field.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/names.h"
#include "mseald/shared.h"

enum policy_gate {
	POLICY_GATE_AUTO, /* the soundest gate of this kernel */
	POLICY_GATE_BPF,  /* never by mseal(2): the process is not traced */
	POLICY_GATE_DENY, /* leave out deny bits that only SIGKILL could enforce */
};

struct seal_spec {
	/* bits 1 << segment; 0 in a policy: seals nothing, its programs are exempt */
	unsigned segments;
	unsigned deny; /* MSEALD_DENY_*: Deny=, ForeignWrite= and FileWrite= */
	enum mseald_action action;
	bool dlopen; /* also objects loaded later; only in policies */
	enum policy_gate gate;
	bool revocable; /* only in requests */
};

/* The defaults. */
#define SEAL_SPEC_DEFAULT \
	{ \
		.segments = MSEALD_SEGMENTS_ALL, .deny = MSEALD_DENY_DEFAULT, .action = MSEALD_ACTION_DENY \
	}
