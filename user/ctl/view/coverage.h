/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much of each process of the machine is sealed, and the reasons for the rest. */
#ifndef MSEALCTL_COVERAGE_H
#define MSEALCTL_COVERAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "ctl/base/terminal.h"
#include "ctl/view/address_space.h"

enum coverage_state {
	COVERAGE_SEALED,   /* all executable memory with a file */
	COVERAGE_PARTLY,   /* some of it */
	COVERAGE_WEAKER,   /* all of it, but the seals deny less than the policy */
	COVERAGE_UNSEALED, /* none of it */
	COVERAGE_STATE_COUNT,
};

const char *coverage_state_name(int state);

struct coverage {
	size_t processes[COVERAGE_STATE_COUNT];
	size_t kernel_threads;		  /* without memory of their own; in no other count */
	size_t audited;			  /* processes whose seals only log */
	size_t unexpected;		  /* processes that a policy should have sealed by now */
	struct share shares[SHARE_COUNT]; /* of all processes */
	json_t *list; /* one object per process, including kernel threads, as for --json */
};

void coverage_free(struct coverage *coverage); /* for _cleanup_ */

/* Adds a process. match: as io.mseald.Match; NULL: no policy applies. 0 or -ENOMEM. */
int coverage_add(struct coverage *coverage, const struct address_space *addresses, const json_t *match);
int coverage_add_kernel_thread(struct coverage *coverage, pid_t pid, const char *comm);

/* A new document about all processes; NULL: out of memory. */
json_t *coverage_to_json(const struct coverage *coverage);
/*
 * Prints the table of the processes in these states (bits 1 << enum coverage_state), and the totals of all.
 */
int coverage_print(const struct coverage *coverage, unsigned states, const struct terminal *terminal,
		   FILE *out);

#endif
