/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which requirements of mseald this machine meets, and the change for each that it does not. */
#ifndef MSEALCTL_HOST_CHECK_H
#define MSEALCTL_HOST_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* Where to look; a test has a folder of its own for root. */
struct machine {
	const char *root;    /* "" for this machine: put before every path */
	const char *release; /* as uname -r prints it */
	const char *socket;
	bool is_root;
	int daemon; /* 0: it answers; or the negative errno of the connection */
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
	char *detail;  /* what there is; never NULL */
	char *remedy;  /* the exact change; NULL: none needed */
};

#define HOST_CHECK_FINDINGS 9

/* Fills all findings. 0 or -ENOMEM. */
int host_check_look(const struct machine *machine, struct finding findings[HOST_CHECK_FINDINGS]);
void host_check_free(struct finding findings[HOST_CHECK_FINDINGS]);

const char *host_check_state_name(enum finding_state state);

#endif
