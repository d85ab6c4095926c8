/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The requirements of mseald on this machine, and the remedy for each that is not met. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The machine to examine; a test has its own root folder. */
struct machine {
	const char *root;    /* prefix of every path; "" for this machine */
	const char *release; /* in the format of uname -r */
	const char *socket;
	bool is_root;
	int daemon; /* 0: it answers; otherwise the negative errno of the connection */
};

enum finding_state {
	FINDING_OK,
	FINDING_MISSING,
	FINDING_UNKNOWN,
};

struct finding {
	const char *name;
	enum finding_state state;
	bool required; /* without it mseald cannot run */
	char *detail;  /* the current state; never NULL */
	char *remedy;  /* the exact change; NULL: none needed */
};

#define HOST_CHECK_FINDINGS 9

/* Fills all findings. 0 or -ENOMEM. */
int host_check_look(const struct machine *machine, struct finding findings[HOST_CHECK_FINDINGS]);
void host_check_free(struct finding findings[HOST_CHECK_FINDINGS]);

const char *host_check_state_name(enum finding_state state);
