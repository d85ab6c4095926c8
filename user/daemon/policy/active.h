/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The active policies: read at the start and at each reload, and put into the kernel (match_tables.h). If a
 * file becomes unreadable, its last good version stays active. A copy of it is kept for the next daemon.
 */
#pragma once

#include "bpf/programs.h"
#include "lib/policy/policy.h"
#include "mseald/shared.h"

#define ACTIVE_KEPT "/run/mseald/policy.d"

/* Zeroed but for programs: no active policies. */
struct active {
	struct programs *programs;
	struct policies policies;
	uint32_t generation; /* of these policies in the kernel; 0: the kernel has none of them */
	size_t faults;	     /* in the files, at the last reading */
	size_t first;	     /* number of borrowed policies, at the front; the others come from files */
	bool read;	     /* the files have been read */
};

void active_free(struct active *active); /* takes zeroed; policies in the kernel stay */

/*
 * Reads all files, attaches the programs that the policies need, then activates the policies. Logs. A
 * negative errno: nothing has changed. faults: also those of files whose last good version stays active.
 */
int active_reload(struct active *active, struct diagnostics *faults);

/*
 * Activates these policies before those of files, in place of those of the previous call. The list is copied;
 * its policies are borrowed until the next successful call. Before the first active_reload() they become
 * active with it. A negative errno: nothing has changed.
 */
int active_put_first(struct active *active, const struct policy *first, size_t count);

/* [Seal] of the policy file of this name, even if turned off. -ENOENT: no such file, or faulty; -ENOMEM. */
int active_find_seal(const struct active *active, const char *name, struct seal_spec *ret);

const struct policies *active_policies(const struct active *active);
/* The policy of this name; NULL: none. */
const struct policy *active_find(const struct active *active, const char *name);
/* The kernel's decision at the exec of a program. NULL: not watched, or undecided. */
const struct policy *active_decided(const struct active *active, const struct mseald_watched *watched);
/* The policy that applies to a program: as active_decided(), or else by its facts. NULL: none. */
const struct policy *active_match(const struct active *active, const struct mseald_watched *watched,
				  const struct policy_facts *facts);
/* Does any policy need to know whether a program is marked? */
bool active_wants_marked(const struct active *active);
