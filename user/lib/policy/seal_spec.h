/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How memory is to be sealed: the one form in which a policy, a request, a container and `msealctl
 * run` say it, so that none of them can forget a part of it.
 */
#ifndef MSEALD_LIB_POLICY_SEAL_SPEC_H
#define MSEALD_LIB_POLICY_SEAL_SPEC_H

#include <stdbool.h>

#include "lib/base/names.h"
#include "mseald/shared.h"

enum policy_gate {
	POLICY_GATE_AUTO, /* the soundest there is */
	POLICY_GATE_BPF,  /* never by mseal(2): the process is not traced */
	POLICY_GATE_DENY, /* deny bits that could only be enforced by SIGKILL are left out */
};

struct seal_spec {
	/* bits 1 << segment; 0 in a policy: nothing, what matches is exempt */
	unsigned segments;
	unsigned deny; /* MSEALD_DENY_*: Deny=, ForeignWrite= and FileWrite= */
	enum mseald_action action;
	bool dlopen; /* objects that are loaded later, too; of policies */
	enum policy_gate gate;
	bool revocable; /* of requests */
};

/* As it is where nothing is said. */
#define SEAL_SPEC_DEFAULT \
	{ \
		.segments = MSEALD_SEGMENTS_ALL, .deny = MSEALD_DENY_DEFAULT, .action = MSEALD_ACTION_DENY \
	}

#endif
